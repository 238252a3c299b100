"""The strip at the bottom of a picture: the prompt in two lines at most, and what made it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).with_name("fonts") / "DejaVuSans.ttf"  # Pillow's own font has no Cyrillic
LINES = 2
READ_CHARS = 2000  # more fits into no caption


def captioned(image: Image.Image, text: str, tag: str) -> Image.Image:
    """The picture, a dark fading strip drawn into it with the text and, smaller, the tag."""
    wide, tall = image.size
    size = max(8, min(tall, wide) // 30)
    large, small = ImageFont.truetype(FONT, size), ImageFont.truetype(FONT, max(7, int(size * 0.66)))
    lines = wrapped(text, large, wide - size * 3)
    strip = min(tall, int(size * (len(lines) * 1.35 + 2.6)))
    fade = Image.fromarray((np.linspace(0, 1, strip)[:, None] ** 0.7 * 200).astype("u1").repeat(wide, 1))
    image.paste((6, 7, 12), (0, tall - strip), fade)
    draw, y = ImageDraw.Draw(image), tall - strip + size * 0.95
    for line in lines:
        draw.text((size * 1.3, y), line, font=large, fill=(245, 245, 245))
        y += size * 1.35
    draw.text((size * 1.3, y + size * 0.1), tag, font=small, fill=(190, 195, 210))
    return image


def wrapped(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The words in as many lines as a caption has, cut with an ellipsis; what cannot be printed becomes a space."""
    words = "".join(c if c.isprintable() else " " for c in text[:READ_CHARS]).split()
    lines: list[str] = []
    while words and len(lines) < LINES:
        count = 1
        while count < len(words) and font.getlength(" ".join(words[: count + 1])) <= width:
            count += 1
        lines.append(_cut(" ".join(words[:count]), font, width))
        words = words[count:]
    if words and not lines[-1].endswith("…"):
        lines[-1] = _cut(lines[-1] + "…", font, width)
    return lines


def _cut(line: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """As much of a line as fits."""
    if font.getlength(line) <= width:
        return line
    kept = line.rstrip("…")
    while kept and font.getlength(kept + "…") > width:
        kept = kept[: int(len(kept) * 0.95)]
    return kept.rstrip() + "…"
