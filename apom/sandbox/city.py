"""A street between tall houses, lit windows, signs, and the wet ground that mirrors them."""

from __future__ import annotations

import colorsys

import numpy as np

from apom.sandbox.canvas import Canvas, Pixels, Point, mixed, rgb

LAMP = np.array((255, 206, 130), "f4")
ROWS = 4


def city(canvas: Canvas) -> None:
    """Four rows of houses, the nearest at the sides, so that the street opens towards the light."""
    for row in range(ROWS):
        depth = (row + 1) / ROWS
        _row(canvas, depth)
        if depth < 1:
            _haze(canvas, depth)
    _street(canvas)


def ground_of(canvas: Canvas) -> int:
    """The row where houses end and the street begins."""
    return min(canvas.height - 1, int(canvas.height * 0.8))


def _row(canvas: Canvas, depth: float) -> None:
    x = -canvas.unit * 0.06 * canvas.chance.random_sample()
    while x < canvas.width:
        wide = max(4.0, canvas.unit * canvas.chance.uniform(0.05, 0.12) * (0.55 + 0.9 * depth))
        aside = abs((x + wide / 2) / canvas.width - 0.5) * 2
        if depth < 0.5 or aside > 0.12 + 0.4 * (depth - 0.25):
            _house(canvas, int(x), int(x + wide), aside, depth)
        x += wide + canvas.unit * 0.006 * canvas.chance.random_sample()


def _house(canvas: Canvas, left: int, right: int, aside: float, depth: float) -> None:
    s, chance, base = canvas.scene, canvas.chance, ground_of(canvas)
    tall = canvas.height * (0.16 + 0.3 * chance.random_sample() + 0.42 * aside**1.5 * depth)
    top, start, stop = max(0, int(base - tall)), max(0, left), min(canvas.width, right)
    if stop - start < 2:
        return
    wall = mixed(mixed(rgb(s.horizon), rgb(s.ground), 0.5) * 0.8, rgb(s.near) * 1.1, depth * 0.95)
    wall = wall * chance.uniform(0.85, 1.25)
    towards_light = (
        np.linspace(1.35, 0.8, stop - start) if canvas.light[0] < left else np.linspace(0.8, 1.35, stop - start)
    )
    fade = np.linspace(1, 1.5 - 0.4 * depth, base - top)[:, None, None]
    canvas.pixels[top:base, start:stop] = wall * towards_light[None, :, None] * fade
    _roof(canvas, start, stop, top, wall)
    _windows(canvas, start, stop, top, depth)
    if depth > 0.4 and chance.random_sample() < (0.75 if s.mood == "neon" else 0.12 if s.is_dark else 0):
        _sign(canvas, start, stop, top)


def _roof(canvas: Canvas, left: int, right: int, top: int, wall: Pixels) -> None:
    """A setback, and now and then a mast."""
    wide, kind = right - left, canvas.chance.random_sample()
    if kind < 0.55:
        inset, rise = int(wide * 0.2), int(canvas.unit * 0.025)
        canvas.pixels[max(0, top - rise) : top, left + inset : right - inset] = wall * 1.05
        top -= rise
    if kind < 0.22:
        middle, thick, tip = (left + right) // 2, max(1, canvas.unit // 400), top - int(canvas.unit * 0.07)
        canvas.pixels[max(0, tip) : max(0, top), middle : middle + thick] = wall


def _windows(canvas: Canvas, left: int, right: int, top: int, depth: float) -> None:
    """A grid of panes, some of them lit; a floor is often lit as a whole."""
    s, chance, base = canvas.scene, canvas.chance, ground_of(canvas)
    pane = max(1, round(canvas.unit / 260 * (0.5 + 0.75 * depth)))
    floors, across = (base - top) // (pane * 4) - 1, (right - left) // (pane * 3)
    if floors < 1 or across < 1:
        return
    share = {"neon": 0.42, "night": 0.38, "day": 0.05, "winter": 0.2}.get(s.mood or "", 0.22)
    lit = chance.random_sample((floors, across)) < share * chance.uniform(0.4, 1.5, (floors, 1))
    glow = lit * chance.uniform(0.35, 1, (floors, across))
    cell = np.zeros((pane * 4, pane * 3))
    cell[pane : pane * 3, pane : pane * 2 + pane // 2] = 1
    mask = np.kron(glow, cell).astype("f4")
    y, x = top + pane * 2, left + (right - left - mask.shape[1]) // 2
    part = canvas.pixels[y : y + mask.shape[0], x : x + mask.shape[1]]
    lamp = mixed(LAMP, rgb(s.light), chance.choice((0.0, 0.15, 0.7 if s.is_dark else 0.2)))
    part += (lamp - part) * mask[: part.shape[0], : part.shape[1], None] * (0.55 + 0.4 * depth)


def _sign(canvas: Canvas, left: int, right: int, top: int) -> None:
    """An upright sign of glowing strokes on a wall."""
    chance, base = canvas.chance, ground_of(canvas)
    wide, tall = max(2, int((right - left) * 0.2)), int((base - top) * chance.uniform(0.2, 0.42))
    x = int(chance.uniform(left, max(left + 1, right - wide)))
    y = int(chance.uniform(top + (base - top) * 0.25, base - tall * 1.1))
    colour = np.array(colorsys.hls_to_rgb(float(chance.choice((0.5, 0.86, 0.93, 0.58, 0.12))), 0.6, 1), "f4") * 255
    part = canvas.pixels[max(0, y) : y + tall, max(0, x) : x + wide]
    part += (colour - part) * 0.35
    gap = max(2, wide)
    for stroke in range(gap // 3, part.shape[0] - gap // 2, gap):
        part[stroke : stroke + gap // 2, wide // 5 : wide - wide // 5] = mixed(colour, LAMP, 0.2)
    _glow(canvas, (x + wide / 2, y + tall / 2), wide * 2.5, tall * 0.7, colour)


def _glow(canvas: Canvas, at: Point, wide: float, tall: float, colour: Pixels) -> None:
    rows, columns = canvas.patch(at, wide * 2.5, tall * 2.5)
    across, down = (canvas.x[:, columns] - at[0]) / wide, (canvas.y[rows] - at[1]) / tall
    canvas.pixels[rows, columns] += colour * (np.exp(-(across**2) - down**2) * 0.3)[..., None]


def _haze(canvas: Canvas, depth: float) -> None:
    """The air between two rows, thickest at the ground."""
    s, base = canvas.scene, ground_of(canvas)
    thick = np.clip((canvas.y - base * 0.35) / (base * 0.65), 0, 1) ** 1.5 * (0.5 - 0.3 * depth)
    canvas.lay(mixed(rgb(s.horizon), rgb(s.light), 0.15), thick * np.ones_like(canvas.x))


def _street(canvas: Canvas) -> None:
    """The ground: what stands above it, stretched downwards and broken by ripples."""
    s, base = canvas.scene, ground_of(canvas)
    rows = canvas.height - base
    near = (np.arange(rows, dtype="f4") / rows)[:, None]
    ripple = (canvas.noise(26, 60, 3)[base:] - 0.5) * canvas.unit * 0.05 * (0.3 + near)
    up = np.clip(base - 1 - np.arange(rows)[:, None] * 1.7 + ripple * 2.5, 0, base - 1).astype(int)
    along = np.clip(canvas.x + ripple, 0, canvas.width - 1).astype(int)
    mirror = canvas.pixels[up, along]
    wet = np.clip(canvas.noise(3, 8, 4)[base:] * 1.3 + 0.1, 0.35, 1) * (0.85 - 0.35 * near)
    canvas.pixels[base:] = mixed(mixed(rgb(s.near), rgb(s.ground), 0.2) * 0.9, mirror, wet[..., None])
    curb = np.exp(-(((canvas.y - base) / (canvas.unit * 0.004 + 1)) ** 2)) * np.ones_like(canvas.x)
    canvas.lay(rgb(s.near), curb * 0.7)
