"""What a 4K picture costs until it is checked whole, measured and small; beside Pillow making the thumbnail and nothing else."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from PIL import Image, ImageFilter

from apom.config import LIMITS
from apom.media import images
from benchmarks.cost import of_calls
from benchmarks.figures import APOM, Aim, Figure, Scale, figure

SIZE = (3840, 2160)
SIZES: dict[Scale, tuple[int, int]] = {"toy": (640, 360), "quick": SIZE, "full": SIZE}
TIMES: dict[Scale, int] = {"toy": 1, "quick": 5, "full": 15}
READERS = {
    "PNG": {},
    "JPEG": {"quality": 92},
    "WEBP": {"quality": 90, "method": 0},
    "AVIF": {"quality": 80, "speed": 9},
}
PILLOW = "Pillow alone"
FOUR_A_SECOND = Aim(of="cpu_ms", ms=1000)


def run(scale: Scale) -> list[Figure]:
    """Format by format; then one of each together, which is what is aimed at."""
    picture, figures = painted(SIZES[scale]), []
    whole: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        for reader, options in READERS.items():
            path = Path(name) / f"x.{reader.lower()}"
            picture.save(path, reader, **options)
            note = f"{path.stat().st_size / 1e6:.1f} MB"
            for who, act in ((APOM, ours), (PILLOW, alone)):
                act(path, reader)  # the first time loads the codec
                cpu, wall = of_calls(partial(act, path, reader), TIMES[scale])
                figures.append(figure(f"4K thumbnail, {reader}", who, cpu_s=cpu, wall_s=wall, note=note))
                whole[who] = [one + more for one, more in zip(whole.get(who, [0.0] * len(cpu)), cpu, strict=True)]
    aims = {APOM: FOUR_A_SECOND}
    return figures + [
        figure("4K thumbnails, one of each", who, cpu_s=cpu, aim=aims.get(who)) for who, cpu in whole.items()
    ]


def ours(path: Path, reader: str) -> None:
    """As for a file that arrives: every byte decoded, upright, in sRGB, with what a page shows until it is there."""
    picture = images.read(path, reader, LIMITS)
    images.write_thumb(picture.small, path.with_suffix(".thumb"))
    images.placeholder(picture.small)


def alone(path: Path, reader: str) -> None:
    """As the documentation of Pillow has it: no colours, no orientation, no limits."""
    with Image.open(path) as image:
        image.thumbnail((images.THUMB, images.THUMB))
        image.convert("RGB").save(path.with_suffix(".alone"), "WEBP", quality=80)


def painted(size: tuple[int, int]) -> Image.Image:
    """A picture with large shapes, some detail and a little grain, so that its files are as large as real ones."""
    width, height = size
    shapes = Image.effect_noise((width // 120, height // 120), 90).resize(size, Image.Resampling.BICUBIC)
    detail = Image.effect_noise((width // 4, height // 4), 60).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(size, 8).filter(ImageFilter.GaussianBlur(0.6))
    return Image.merge("RGB", (Image.blend(shapes, detail, 0.2), Image.blend(shapes, grain, 0.2), shapes))
