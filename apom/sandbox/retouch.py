"""A picture and words to the picture changed by them: light, colour, weather. The same ones always draw the same pixels."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageFilter

from apom.sandbox import sky
from apom.sandbox.canvas import Canvas, Pixels, mixed, rgb, step
from apom.sandbox.caption import captioned
from apom.sandbox.painter import WEATHER
from apom.sandbox.scene import named, scene

LARGEST = 2048  # pixels of the longer side
STRIP = 0.16  # of the height: where an earlier caption may stand
GREY = re.compile(
    r"\b(?:black[- ]and[- ]white|b&w|monochrome|grey|gray|noir|ч[её]рно-бел|монохром|сер[оы])", re.IGNORECASE
)
EXPOSURE = {"night": 0.34, "neon": 0.42, "space": 0.36, "storm": 0.6, "sunset": 0.86, "dawn": 0.92, "winter": 0.98}
LUMA = np.array((0.2126, 0.7152, 0.0722), "f4")  # ITU-R BT.709


def retouched(picture: Image.Image, words: str, seed: int, model: str = "sandbox-edit") -> Image.Image:
    """An RGB picture of the same shape, no larger than `LARGEST`, with the words as caption. The seed varies the grade."""
    picture = picture.copy()
    picture.thumbnail((LARGEST, LARGEST))
    canvas = Canvas(scene(words, seed), picture.size)
    canvas.pixels = np.array(_without_caption(picture), "f4")
    _grade(canvas, named(words))
    if GREY.search(words):
        canvas.pixels = _luma(canvas.pixels)[..., None].repeat(3, -1)
    return captioned(canvas.finished(), words, f"SANDBOX · {model} · seed {seed}")


def _without_caption(picture: Image.Image) -> Image.Image:
    """The strip at the bottom out of focus, so that two captions do not stand in each other."""
    wide, tall = picture.size
    box = (0, int(tall * (1 - STRIP)), wide, tall)
    picture.paste(picture.crop(box).filter(ImageFilter.GaussianBlur(min(wide, tall) / 24)), box)
    return picture


def _grade(canvas: Canvas, wishes: Mapping[str, str | None]) -> None:
    """Shadows and lights in the scene's two colours; what the words name goes over it."""
    s, mood = canvas.scene, wishes["mood"] or ("storm" if wishes["weather"] == "rain" else None)
    light = (_luma(canvas.pixels) / 255)[..., None]
    toned = mixed(rgb(s.sky), mixed(rgb(s.horizon), rgb(s.light), 0.5), light) * (0.4 + 0.6 * light)
    canvas.pixels = mixed(canvas.pixels * EXPOSURE.get(mood or "", 0.92), toned, 0.42 if mood or wishes["hue"] else 0.3)
    if mood in ("night", "space"):
        _starlit(canvas, light[..., 0])
    elif mood in ("sunset", "dawn", "neon"):
        sky.halo(canvas)
    if wishes["weather"]:
        WEATHER[wishes["weather"]](canvas)


def _starlit(canvas: Canvas, light: Pixels) -> None:
    """Stars and a moon, where it was bright above: what stands before the sky stays before it."""
    before = canvas.pixels.copy()
    sky.stars(canvas, 0.0009)
    sky.disc(canvas)
    above = step(0.62, 0.3, canvas.y / canvas.height) * step(0.3, 0.55, light)
    canvas.pixels = mixed(before, canvas.pixels, above[..., None])


def _luma(pixels: Pixels) -> Pixels:
    found: Pixels = pixels @ LUMA
    return found
