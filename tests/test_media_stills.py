"""A moment of a clip becomes a picture: the very frame that is seen then."""

from pathlib import Path

import pytest
from media_samples import clip, corner, cut, is_red
from PIL import Image

from apom.errors import BadMedia, Invalid
from apom.media.stills import write_still

VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}


def brightness(path: Path, at_s: float | None, folder: Path) -> int:
    """The blue corner's red: the samples' frames grow brighter by one each."""
    target = folder / "still.png"
    write_still(path, target, at_s)
    with Image.open(target) as image:
        pixel = image.convert("RGB").getpixel((image.width - 5, image.height - 5))
    assert isinstance(pixel, tuple)
    return int(pixel[0])


@pytest.mark.parametrize(("name", "how"), [("a.mp4", {}), ("a.mov", {"sound": True}), ("a.webm", VP9), ("a.mkv", {})])
def test_every_moment_is_its_own_frame_and_the_last_is_the_last(tmp_path: Path, name: str, how: dict):
    path = clip(tmp_path / name, seconds=2, fps=24, **how)
    seen = [brightness(path, at_s, tmp_path) for at_s in (0, 0.5, 1, 1.5, 2)] + [brightness(path, None, tmp_path)]
    for got, wanted in zip(seen, [20, 32, 44, 56, 67, 67], strict=True):
        assert abs(got - wanted) <= 4, seen


def test_it_stands_upright_and_in_full_size(tmp_path: Path):
    path = clip(tmp_path / "phone.mp4", rotation=90, seconds=0.5)
    write_still(path, tmp_path / "still.png", 0)
    with Image.open(tmp_path / "still.png") as image:
        assert image.size == (90, 160)
        assert sum(is_red(image.convert("RGB").getpixel(at)) for at in ((5, 5), (85, 5), (5, 155), (85, 155))) == 1


@pytest.mark.parametrize("at_s", [-0.1, 2.5, float("nan"), float("inf")])
def test_a_moment_outside_the_clip_is_refused(tmp_path: Path, at_s: float):
    path = clip(tmp_path / "a.mp4")
    with pytest.raises(Invalid, match="2 s long"):
        write_still(path, tmp_path / "still.png", at_s)
    assert not (tmp_path / "still.png").exists()


def test_a_picture_has_no_moments_and_a_broken_clip_is_a_sentence(tmp_path: Path):
    corner().save(tmp_path / "a.png")
    with pytest.raises(Invalid, match="Only a clip"):
        write_still(tmp_path / "a.png", tmp_path / "still.png", 0)
    with pytest.raises(BadMedia):
        write_still(cut(clip(tmp_path / "a.mp4"), 0.3), tmp_path / "still.png", None)
