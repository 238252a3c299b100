"""A picture in the making: pixels, masks, noise, and the finish that makes it look photographed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from apom.sandbox.scene import Colour, Scene

Pixels: TypeAlias = NDArray[np.floating[Any]]
Point: TypeAlias = tuple[float, float]

WHITE = np.array((255, 255, 255), "f4")


class Canvas:
    """`pixels` is height x width x 3, 0..255; `x` and `y` are a row and a column of coordinates.

    `unit` is the shorter side: sizes of things are fractions of it, so that every aspect ratio looks right.
    """

    def __init__(self, scene: Scene, size: tuple[int, int]) -> None:
        self.scene = scene
        self.width, self.height = size
        self.unit = min(size)
        self.chance = np.random.RandomState(scene.seed)  # its stream is the same in every version of numpy
        self.x: Pixels = np.arange(self.width, dtype="f4")[None]
        self.y: Pixels = np.arange(self.height, dtype="f4")[:, None]
        self.pixels: Pixels = np.zeros((self.height, self.width, 3), "f4")
        self.light = (scene.light_at[0] * self.width, scene.light_at[1] * self.height)
        self.horizon = min(self.height - 1, int(scene.horizon_at * self.height))

    def lay(self, colour: Pixels, mask: Pixels) -> None:
        """Puts a colour, or a picture, over the picture as strongly as the mask (0..1) says."""
        self.pixels += (colour - self.pixels) * mask[..., None]

    def shine(self, colour: Pixels, mask: Pixels) -> None:
        """Adds light."""
        self.pixels += colour * mask[..., None]

    def noise(self, across: float, down: float, octaves: int = 5) -> Pixels:
        """Soft clouds of values around 0.5, with so many lumps across and down the picture.

        Made at a quarter of the size: finer detail is the grain's.
        """
        wide, tall = max(2, self.width // 4), max(2, self.height // 4)
        total: Pixels = np.zeros((tall, wide), "f4")
        for octave in range(octaves):
            grid = self.chance.random_sample((int(down * 2**octave) + 3, int(across * 2**octave) + 3))
            total += enlarged(grid, (wide, tall)) * 0.5**octave
        return enlarged(total / (2 - 0.5 ** (octaves - 1)), (self.width, self.height))

    def stencil(self, shapes: Iterable[Sequence[Point]], soft: float = 0.0) -> Pixels:
        """Filled polygons as a mask (0..1) with smooth edges; `soft`: blur in pixels."""
        image = Image.new("L", (self.width * 2, self.height * 2))
        draw = ImageDraw.Draw(image)
        for shape in shapes:
            draw.polygon([(x * 2, y * 2) for x, y in shape], fill=255)
        small = image.reduce(2)
        return np.asarray(small.filter(ImageFilter.GaussianBlur(soft)) if soft else small, "f4") / 255

    def blurred(self, mask: Pixels, radius: float) -> Pixels:
        """A mask, softened; `radius` in pixels. In floats, so that its slopes have no steps."""
        small = enlarged(mask, (max(2, self.width // 3), max(2, self.height // 3)))
        reach = max(1, int(radius / 3))
        for axis in (0, 1, 0, 1, 0, 1):
            small = _boxed(small, reach, axis)
        return enlarged(small, (self.width, self.height))

    def patch(self, at: Point, wide: float, tall: float) -> tuple[slice, slice]:
        """The rows and columns around a point that lie within the picture; half sizes in pixels."""
        rows = slice(*(int(np.clip(at[1] + side * tall, 0, self.height)) for side in (-1, 1)))
        columns = slice(*(int(np.clip(at[0] + side * wide, 0, self.width)) for side in (-1, 1)))
        return rows, columns

    def defocus(self, radius: float) -> None:
        """Blurs all that is there, as behind a near subject."""
        self.pixels = np.array(self._image().filter(ImageFilter.GaussianBlur(radius)), "f4")

    def finished(self) -> Image.Image:
        """With bloom, contrast, vignette and film grain."""
        small = (max(1, self.width // 4), max(1, self.height // 4))
        bright = Image.fromarray(np.clip((self.pixels - 150) * 1.6, 0, 255).astype("u1")).resize(small)
        bloom = bright.filter(ImageFilter.GaussianBlur(self.unit / 70)).resize((self.width, self.height))
        self.pixels += np.asarray(bloom, "f4") * 0.28
        tone = np.clip(self.pixels / 255, 0, 1)
        tone += (tone * tone * (3 - 2 * tone) - tone) * 0.35
        away = np.hypot((self.x / self.width - 0.5) / 0.72, (self.y / self.height - 0.5) / 0.72)
        tone *= (1 - 0.36 * np.clip(away - 0.4, 0, 1))[..., None]
        self.pixels = tone * 255 + self.chance.normal(0, 3.0, (self.height, self.width, 1)).astype("f4")
        return self._image()

    def _image(self) -> Image.Image:
        return Image.fromarray(np.clip(self.pixels, 0, 255).astype("u1"))


def rgb(colour: Colour) -> Pixels:
    """A colour as an array."""
    return np.array(colour, "f4")


def mixed(one: Pixels, other: Pixels, share: float | Pixels) -> Pixels:
    """`one` with a share (0..1) of `other` in it."""
    return one + (other - one) * share


def step(low: float, high: float, value: Pixels) -> Pixels:
    """0 below `low`, 1 above `high`, smooth between."""
    t: Pixels = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def enlarged(values: Pixels, size: tuple[int, int]) -> Pixels:
    """An array stretched to (width, height)."""
    return np.asarray(Image.fromarray(values.astype("f4")).resize(size, Image.Resampling.BICUBIC), "f4")


def moved(values: Pixels, right: int, down: int) -> Pixels:
    """An array shifted by whole pixels, its edges drawn out."""
    tall, wide = values.shape
    rows, columns = np.clip(np.arange(tall) - down, 0, tall - 1), np.clip(np.arange(wide) - right, 0, wide - 1)
    return values[rows[:, None], columns[None]]


def _boxed(values: Pixels, reach: int, axis: int) -> Pixels:
    """Each value replaced by the mean of those up to `reach` away."""
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach + 1, reach)
    total = np.cumsum(np.pad(values, pad, mode="edge"), axis=axis, dtype="f8")
    size = values.shape[axis]
    high, low = np.arange(size) + 2 * reach + 1, np.arange(size)
    means: Pixels = (total.take(high, axis) - total.take(low, axis)) / (2 * reach + 1)
    return means.astype("f4")


def curve(points: Sequence[Point], steps: int = 8) -> list[Point]:
    """A closed smooth line through the points (Catmull-Rom)."""
    ring = np.array(points)
    before, after, beyond = np.roll(ring, 1, 0), np.roll(ring, -1, 0), np.roll(ring, -2, 0)
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (p[:, None] for p in (before, ring, after, beyond))
    smooth = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return [(float(x), float(y)) for x, y in smooth.reshape(-1, 2)]


def placed(points: Iterable[Point], at: Point, scale: float, is_flipped: bool = False) -> list[Point]:
    """Points given around (0, 0), put where they belong; `scale` in pixels."""
    side = -scale if is_flipped else scale
    return [(at[0] + x * side, at[1] + y * scale) for x, y in points]
