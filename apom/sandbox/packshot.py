"""A product in a studio: on a seamless ground, under a soft box, mirrored in the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apom.sandbox.canvas import WHITE, Canvas, Pixels, Point, curve, mixed, placed, rgb, step

FLOOR = 0.76  # where things stand, in heights of the picture


@dataclass(frozen=True, kw_only=True)
class Product:
    """Outlines around (0, 0) at the foot, upwards negative, in units of `tall`, itself in shorter sides of the picture.

    `trim`: cap, lid or sole; `label`: left, top, right, bottom; `half`: half its width; `is_round`: shaded like a
    cylinder, else like a block of glass.
    """

    body: tuple[Point, ...]
    trim: tuple[tuple[Point, ...], ...]
    label: tuple[float, float, float, float] | None = None
    half: float
    tall: float
    is_round: bool = True


def _box(left: float, top: float, right: float, low: float, corner: float = 0.0) -> tuple[Point, ...]:
    c = corner
    return (
        (left, top + c), (left + c * 0.3, top + c * 0.3), (left + c, top), (right - c, top), (right - c * 0.3, top + c * 0.3),
        (right, top + c), (right, low - c), (right - c * 0.3, low - c * 0.3), (right - c, low), (left + c, low),
        (left + c * 0.3, low - c * 0.3), (left, low - c),
    )  # fmt: skip


BOTTLE: tuple[Point, ...] = (
    (-0.15, 0.0), (-0.155, -0.05), (-0.155, -0.55), (-0.14, -0.66), (-0.07, -0.76), (-0.055, -0.84), (-0.055, -0.97),
    (0.055, -0.97), (0.055, -0.84), (0.07, -0.76), (0.14, -0.66), (0.155, -0.55), (0.155, -0.05), (0.15, 0.0),
)  # fmt: skip
SHOE: tuple[Point, ...] = (
    (-0.5, -0.1), (-0.53, -0.3), (-0.5, -0.5), (-0.46, -0.56), (-0.36, -0.5), (-0.2, -0.52), (-0.12, -0.55), (0.0, -0.42),
    (0.16, -0.3), (0.36, -0.25), (0.52, -0.19), (0.58, -0.1),
)  # fmt: skip
SOLE: tuple[Point, ...] = (
    (-0.54, -0.12),
    (-0.2, -0.1),
    (0.3, -0.1),
    (0.6, -0.13),
    (0.61, -0.05),
    (0.52, 0.0),
    (-0.5, 0.0),
)

CAN: tuple[Point, ...] = (
    (-0.2, 0.0), (-0.22, -0.05), (-0.22, -0.84), (-0.17, -0.93), (0.17, -0.93), (0.22, -0.84), (0.22, -0.05), (0.2, 0.0),
)  # fmt: skip
PRODUCTS = {
    "bottle": Product(
        body=BOTTLE,
        trim=(_box(-0.062, -1.06, 0.062, -0.9, 0.01),),
        label=(-0.155, -0.46, 0.155, -0.16),
        half=0.155,
        tall=0.56,
    ),
    "flacon": Product(
        body=_box(-0.3, -0.66, 0.3, 0.0, 0.05),
        trim=(_box(-0.12, -0.97, 0.12, -0.73, 0.015), _box(-0.07, -0.74, 0.07, -0.65)),
        label=(-0.15, -0.44, 0.15, -0.2),
        half=0.3,
        tall=0.5,
        is_round=False,
    ),
    "can": Product(
        body=CAN,
        trim=(_box(-0.175, -0.96, 0.175, -0.925, 0.01),),
        label=(-0.22, -0.62, 0.22, -0.28),
        half=0.22,
        tall=0.48,
    ),
    "sneaker": Product(body=tuple(curve(SHOE)), trim=(tuple(curve(SOLE)),), half=0.55, tall=0.52, is_round=False),
}


def packshot(canvas: Canvas) -> None:
    """The whole studio."""
    product = PRODUCTS[canvas.scene.product]
    foot = (canvas.width * 0.5, canvas.height * FLOOR)
    scale = canvas.unit * product.tall
    _backdrop(canvas)
    _shadow(canvas, foot, product.half * scale)
    _product(canvas, product, foot, scale)
    _mirror(canvas, foot, product.half * scale, scale)


def _backdrop(canvas: Canvas) -> None:
    """A wall with a pool of light, and a table that catches some of it."""
    s = canvas.scene
    away = np.hypot(
        (canvas.x - canvas.light[0] * 0.4 - canvas.width * 0.3) / canvas.width, (canvas.y / canvas.height - 0.4)
    )
    canvas.pixels += mixed(rgb(s.horizon), rgb(s.sky) * 0.55, np.clip(away * 1.55, 0, 1)[..., None] ** 0.8)
    line = canvas.height * (FLOOR - 0.06)
    table = step(0, canvas.unit * 0.03, canvas.y - line) * np.ones_like(canvas.x)
    lit = np.exp(-(((canvas.x - canvas.width / 2) / (canvas.width * 0.34)) ** 2))[..., None]
    canvas.lay(mixed(rgb(s.sky) * 0.5, rgb(s.horizon) * 0.85, lit * 0.7), table * 0.85)


def _shadow(canvas: Canvas, foot: Point, half: float) -> None:
    """Dark right under it, softer to the side away from the light."""
    side = 1 if canvas.light[0] < canvas.width / 2 else -1
    for reach, soft, strength in ((1.0, 0.05, 0.75), (1.9, 0.3, 0.4)):
        x = (canvas.x - foot[0] - side * half * (reach - 1) * 0.6) / (half * reach)
        y = (canvas.y - foot[1]) / (canvas.unit * 0.035 * reach)
        canvas.lay(rgb(canvas.scene.near) * 0.6, step(1 + soft, 0.4, np.hypot(x, y)) * strength)


def _product(canvas: Canvas, product: Product, foot: Point, scale: float) -> None:
    s = canvas.scene
    sharp = canvas.unit / 1300
    across = (canvas.x - foot[0]) / (product.half * scale) * (1 if canvas.light[0] < canvas.width / 2 else -1)
    body = canvas.stencil([placed(product.body, foot, scale)], sharp)
    shade = _cylinder(across) if product.is_round else _block(canvas, body, across, scale)
    up = np.clip((foot[1] - canvas.y) / scale, 0, 1)[..., None]
    colour = mixed(rgb(s.ground), rgb(s.horizon), 0.25) * (0.85 + 0.4 * up)
    gleam = np.clip(shade - 1, 0, 1)[..., None] * 0.6
    canvas.lay(np.clip(colour * shade[..., None] + rgb(s.light) * gleam, 0, 255), body)
    metal = _cylinder(across * product.half / 0.13) if product.label else 0.8 + 0.25 * _cylinder(across)
    trim = mixed(rgb(s.light), rgb(s.ground), 0.3) * 0.75 * metal[..., None]
    canvas.lay(np.clip(trim, 0, 255), canvas.stencil([placed(shape, foot, scale) for shape in product.trim], sharp))
    if product.label:
        _label(canvas, product.label, foot, scale, shade)
    else:
        _laces(canvas, foot, scale, shade)


def _cylinder(across: Pixels) -> Pixels:
    """Light on something round: a broad soft box on one side, a thin one on the other, dark edges."""
    edge = np.sqrt(np.clip(1 - np.clip(across, -1, 1) ** 2, 0, 1))
    broad = step(-0.78, -0.66, across) * step(-0.2, -0.42, across)
    thin: Pixels = np.exp(-(((across - 0.74) / 0.07) ** 2))
    return thin * 0.55 + broad * 0.85 + edge**0.7 * 0.6 + 0.22


def _block(canvas: Canvas, mask: Pixels, across: Pixels, scale: float) -> Pixels:
    """Light on thick glass: bright along the inner edge, a slanting gleam."""
    edge: Pixels = np.clip(1 - np.abs(canvas.blurred(mask, scale * 0.028) - 0.8) * 3.2, 0, 1)
    slant: Pixels = np.mod(across * 0.5 + canvas.y / scale * 0.32 + 0.3, 1.4)
    gleam = step(0.1, 0.16, slant) * step(0.52, 0.46, slant)
    return canvas.blurred(mask, scale * 0.12) * 0.45 + edge * 0.55 + gleam * 0.16 - across * 0.18 + 0.35


def _label(canvas: Canvas, label: tuple[float, float, float, float], foot: Point, scale: float, shade: Pixels) -> None:
    """Paper with two lines of print."""
    left, top, right, low = label
    paper = mixed(rgb(canvas.scene.light), WHITE, 0.5)
    lit = np.clip(paper * (0.3 + 0.5 * shade)[..., None], 0, 250)
    canvas.lay(lit, canvas.stencil([placed(_box(*label), foot, scale)]) * 0.94)
    inset, ys = (right - left) * 0.25, (top + (low - top) * 0.36, top + (low - top) * 0.58)
    lines = [placed(_box(left + inset, y, right - inset, y + 0.012), foot, scale) for y in ys]
    canvas.lay(rgb(canvas.scene.near), canvas.stencil(lines) * 0.8)


def _laces(canvas: Canvas, foot: Point, scale: float, shade: Pixels) -> None:
    """Laces, and two stripes along the side."""
    lace: tuple[Point, ...] = ((0.0, 0.0), (0.1, -0.035), (0.11, -0.015), (0.01, 0.02))
    shapes = [[(x + i * 0.07 - 0.14, y + i * 0.047 - 0.43) for x, y in lace] for i in range(4)]
    shapes += [
        [(-0.3, -0.16), (-0.05, -0.36), (0.02, -0.33), (-0.2, -0.15)],
        [(-0.14, -0.15), (0.06, -0.3), (0.13, -0.27), (-0.04, -0.14)],
    ]
    white = np.clip(rgb(canvas.scene.light) * (0.5 + 0.4 * shade)[..., None], 0, 255)
    canvas.lay(white, canvas.stencil([placed(shape, foot, scale) for shape in shapes], canvas.unit / 1300))


def _mirror(canvas: Canvas, foot: Point, half: float, scale: float) -> None:
    """The table's gloss: the thing upside down, fading."""
    base = min(canvas.height - 1, int(foot[1]) + 1)
    rows = min(canvas.height - base, base)
    mirror = canvas.pixels[base - rows : base][::-1]
    fade = np.clip(1 - np.arange(rows)[:, None] / (scale * 0.45), 0, 1) ** 1.5 * 0.42
    within = step(half * 1.25, half * 1.0, np.abs(canvas.x - foot[0]))
    part = canvas.pixels[base : base + rows]
    part += (mirror - part) * (fade * within)[..., None]
