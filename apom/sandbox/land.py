"""Ground and water: a landscape in perspective, lit and lost in haze; a sea that mirrors; trees and cliffs in front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from apom.sandbox.canvas import Canvas, Pixels, Point, enlarged, mixed, moved, rgb, step

FOCAL = 0.9  # of the picture's height
FAR = 130.0  # in heights of the eye above the ground, like every distance here
LATTICE = 256


@dataclass(frozen=True, kw_only=True)
class Relief:
    """The shape of a landscape: how high it rises far away, how rough and how bumpy it is, how sharp its crests are.

    `lumps`: size of the largest hills; `haze`: distance at which a third of the colour is left; `snow`: how far down
    it lies, 0 for none; `swell`: how much the near ground rises and falls.
    """

    rise: float
    lumps: float
    rough: float
    sharp: float
    haze: float
    snow: float = 0.0
    swell: float = 0.9


RELIEFS = {
    "mountains": Relief(rise=0.52, lumps=52, rough=0.47, sharp=0.8, haze=85, snow=0.55),
    "hills": Relief(rise=0.2, lumps=38, rough=0.36, sharp=0.0, haze=60),
    "forest": Relief(rise=0.3, lumps=34, rough=0.5, sharp=0.1, haze=38),
    "desert": Relief(rise=0.13, lumps=17, rough=0.3, sharp=0.85, haze=75, swell=1.1),
    "shore": Relief(rise=0.34, lumps=46, rough=0.47, sharp=0.6, haze=48),
}


def terrain(canvas: Canvas, relief: Relief, nearest: float = 0.0) -> None:
    """Paints the landscape from the horizon down. `nearest`: nothing closer than that distance.

    Every column of the picture is a line of sight over a height field: of its samples those are seen that stand higher
    in the picture than all before them, and how many stand higher than a pixel says which sample the pixel shows.
    """
    columns, samples = max(4, canvas.width // 2), max(24, int(canvas.height * 0.7))
    focal = FOCAL * canvas.height
    start = max(nearest, 0.9 * focal / (canvas.height - canvas.horizon))
    z = np.geomspace(start, FAR, samples).astype("f4")[:, None]
    x = (np.arange(columns, dtype="f4") / columns - 0.5)[None] * (canvas.width / focal) * z
    height = _heights(canvas, relief, x, z)
    if nearest:
        height = height * step(nearest, nearest * 1.6, z) - 0.05
    rows = np.clip(canvas.horizon + focal * (1 - height) / z, 0, canvas.height)
    seen = np.minimum.accumulate(rows, axis=0)
    index, covered = _visible(seen, canvas.height)
    across = np.arange(columns)[None]
    colour = _shaded(canvas, relief, x, z, height)[index, across]
    picture = np.stack([enlarged(colour[..., i], (canvas.width, canvas.height)) for i in range(3)], -1)
    canvas.lay(picture, np.clip(enlarged(covered, (canvas.width, canvas.height)), 0, 1))


def _visible(seen: Pixels, tall: int) -> tuple[Pixels, Pixels]:
    """For each pixel the number of the sample it shows, and how much of it is ground (0..1)."""
    samples, columns = seen.shape
    flat = np.minimum(seen.astype(int), tall) * columns + np.arange(columns)[None]
    counts = np.bincount(flat.ravel(), minlength=(tall + 1) * columns).reshape(tall + 1, columns)
    below = counts[::-1].cumsum(0)[::-1][1:]  # samples that stand lower than this row
    covered = np.clip(np.arange(tall, dtype="f4")[:, None] + 1 - seen[-1][None], 0, 1)
    return np.clip(below, 0, samples - 1), covered


def _heights(canvas: Canvas, relief: Relief, x: Pixels, z: Pixels) -> Pixels:
    u, v = x / relief.lumps + canvas.chance.uniform(0, LATTICE), z / relief.lumps + canvas.chance.uniform(0, LATTICE)
    table = canvas.chance.random_sample((LATTICE, LATTICE)).astype("f4")
    total, weight, scale = np.zeros_like(u), 0.0, 1.0
    for octave in range(6):
        value = _sampled(table, u * 2**octave, v * 2**octave)
        if octave < 5:
            value = mixed(value, 1 - np.abs(2 * value - 1), relief.sharp)
        total += value * scale
        weight, scale = weight + scale, scale * relief.rough
    far = step(6, 70, z) * z * relief.rise
    swell = mixed(_sampled(table, x / 9, z / 9), _sampled(table, x / 3, z / 3), 0.25) - 0.5
    return (total / weight - 0.32) * (far + 0.4) - 0.12 + swell * relief.swell * np.exp(-z / 60)


def _sampled(table: Pixels, u: Pixels, v: Pixels) -> Pixels:
    """Smooth noise at any place: the table's values, blended between its four nearest entries."""
    i, j = np.floor(u), np.floor(v)
    s, t = u - i, v - j
    s, t = s * s * (3 - 2 * s), t * t * (3 - 2 * t)
    left, top = i.astype(int) % LATTICE, j.astype(int) % LATTICE
    right, low = (left + 1) % LATTICE, (top + 1) % LATTICE
    upper = mixed(table[top, left], table[top, right], s)
    return mixed(upper, mixed(table[low, left], table[low, right], s), t)


def _shaded(canvas: Canvas, relief: Relief, x: Pixels, z: Pixels, height: Pixels) -> Pixels:
    """Colours of the samples: ground or snow, in the light from the sun's side, bluer and paler with distance."""
    s, side = canvas.scene, -1.0 if canvas.light[0] < canvas.width / 2 else 1.0
    slope_x = np.gradient(height, axis=1) / np.maximum(x[:, 1:2] - x[:, :1], 1e-4)
    slope_z = np.gradient(height, axis=0) / np.gradient(z, axis=0)
    length = np.sqrt(1 + slope_x**2 + slope_z**2)
    facing = np.clip((0.42 - slope_x * side * 0.85 + slope_z * 0.3) / length, 0, 1)
    steep = step(0.55, 1.3, np.hypot(slope_x, slope_z))
    ground = mixed(rgb(s.ground), rgb(s.ground) * 0.55 + rgb(s.near) * 0.25, steep[..., None])
    ground = ground * _texture(canvas, x, z)[..., None]
    depth = s.mood == "winter" or s.weather == "snow"
    if relief.snow or depth:
        line = step(0.9 - relief.snow, 1.15 - relief.snow, height / (z * max(relief.rise, 0.1) + 0.6) + 0.5 * depth)
        ground = mixed(ground, mixed(rgb(s.light), rgb(s.horizon), 0.3), (line * (1 - steep * 0.8))[..., None] * 0.9)
    shadow = mixed(rgb(s.near), rgb(s.sky), 0.35) * 0.9
    lit = mixed(shadow, ground, (0.18 + 0.95 * facing)[..., None])
    lit += rgb(s.light) * (facing[..., None] ** 3) * 0.16
    haze = (1 - np.exp(-z / relief.haze))[..., None]
    glow = np.exp(-np.abs(x / z * FOCAL * canvas.height + canvas.width / 2 - canvas.light[0]) / canvas.unit * 1.6)
    return mixed(lit, mixed(rgb(s.horizon), rgb(s.light), glow[..., None] * 0.45), haze * 0.92)


def _texture(canvas: Canvas, x: Pixels, z: Pixels) -> Pixels:
    """Grass, sand or scree: patches, and grain near the eye. Around 1."""
    table = canvas.chance.random_sample((LATTICE, LATTICE)).astype("f4")
    patches = _sampled(table, x / 3.5, z / 2.5) - 0.5
    tufts = (_sampled(table, x * 2.5, z * 4) - 0.5) * np.exp(-z / 14)
    grain = (_sampled(table, x * 7, z * 9) - 0.5) * np.exp(-z / 6)
    return 1 + patches * 0.3 + (tufts + grain) * 0.4


def sea(canvas: Canvas) -> None:
    """Water below the horizon: it mirrors what is above it, broken by waves, with the light's path on it."""
    s, line = canvas.scene, canvas.horizon
    rows = canvas.height - line
    z = (FOCAL * canvas.height / (np.arange(rows, dtype="f4") + 1.5))[:, None]
    x = (canvas.x / canvas.width - 0.5) * (canvas.width / canvas.height / FOCAL) * z
    table = canvas.chance.random_sample((LATTICE, LATTICE)).astype("f4")
    rough = 2.0 if s.mood == "storm" else 1.0
    waves = _waves(table, x, z, rough)
    tilt = np.gradient(waves, axis=0) * np.minimum(14, 90 / z)
    near = np.arange(rows, dtype="f4")[:, None] / max(1, rows)
    up = np.clip(line - 1 - np.arange(rows)[:, None] * 0.8 + tilt * canvas.height * 0.35 * (0.2 + near), 0, line - 1)
    along = np.clip(canvas.x + tilt * canvas.unit * 0.1, 0, canvas.width - 1)
    mirror = canvas.pixels[up.astype(int), along.astype(int)]
    deep = mixed(rgb(s.near), rgb(s.sky), 0.4)
    share = np.clip(0.86 - near * 0.5 + tilt * 0.5, 0.15, 0.95)[..., None]
    water = mixed(deep, mirror, share)
    canvas.pixels[line:] = mixed(water, rgb(s.light), _glitter(canvas, waves, near)[..., None])


def _glitter(canvas: Canvas, waves: Pixels, near: Pixels) -> Pixels:
    """How white the waves are (0..1): in the light's path, or at their crests in a storm."""
    if canvas.scene.mood == "storm":
        return step(0.57, 0.7, waves) * step(0.02, 0.3, near) * 0.55
    path: Pixels = np.exp(-(((canvas.x - canvas.light[0]) / (canvas.unit * (0.035 + 0.22 * near))) ** 2))
    return step(0.54, 0.72, waves) * path * 0.95


def _waves(table: Pixels, x: Pixels, z: Pixels, rough: float) -> Pixels:
    """Heights of the waves around 0.5, long across the view; far ones melt together."""
    total: Pixels = np.zeros_like(x)
    for octave, (across, down) in enumerate(((0.35, 1.1), (0.8, 2.3), (1.9, 4.6), (4.5, 10.0))):
        value = _sampled(table, x * across / rough**0.7, z * down / rough) - 0.5
        total += value * 0.62**octave * np.exp(-z * down / 70)
    return 0.5 + total * 0.62


def firs(canvas: Canvas) -> None:
    """Rows of firs, each nearer one darker and taller."""
    s = canvas.scene
    for depth in (0.25, 0.6, 1.0):
        base = canvas.horizon + (canvas.height - canvas.horizon) * (0.1 + 0.62 * depth)
        size, x, trees = canvas.height * (0.1 + 0.3 * depth), -canvas.width * 0.05, []
        while x < canvas.width * 1.05:
            aside = abs(x / canvas.width - 0.5) * 2  # a clearing in the middle
            tall = size * canvas.chance.uniform(0.55, 1.1) * (0.45 + 0.75 * aside if depth > 0.5 else 0.8)
            trees.append(_fir(canvas, x, base + canvas.chance.uniform(0, 0.04) * canvas.height, tall))
            x += tall * canvas.chance.uniform(0.16, 0.42)
        mask = canvas.stencil(trees, canvas.unit / 900)
        ground = np.clip((canvas.y - base - canvas.height * 0.01) / (canvas.height * 0.04), 0, 1)
        colour = mixed(mixed(rgb(s.horizon), rgb(s.ground), 0.55), rgb(s.near), depth)
        canvas.lay(colour, np.maximum(mask, ground * np.ones_like(mask)))
        if depth < 1:
            band = np.exp(-(((canvas.y - base) / (canvas.height * 0.07)) ** 2)) * 0.5
            canvas.lay(mixed(rgb(s.horizon), rgb(s.light), 0.35), band * np.ones_like(mask))


def _fir(canvas: Canvas, x: float, base: float, tall: float) -> list[Point]:
    """A fir's outline: branches that widen downwards, each with a drooping tip."""
    tiers, wide = 9, tall * canvas.chance.uniform(0.13, 0.19)
    reach = [wide * ((i + 1) / tiers) ** 0.85 * canvas.chance.uniform(0.75, 1.15) for i in range(tiers)]
    heights = [base - tall * (1 - (i + 1) / tiers * 0.93) for i in range(tiers)]
    right = [p for r, y in zip(reach, heights, strict=True) for p in ((x + r, y + tall * 0.02), (x + r * 0.45, y))]
    left = [(2 * x - px + canvas.chance.uniform(-1, 1) * wide * 0.1, py) for px, py in reversed(right)]
    return [(x, base - tall), *right, (x + wide * 0.08, base + tall * 0.3), (x - wide * 0.08, base + tall * 0.3), *left]


def cliff(canvas: Canvas) -> Point:
    """A dark headland that comes in from the side away from the light; its highest point, to stand something on."""
    s, steps = canvas.scene, 90
    left = canvas.light[0] > canvas.width / 2
    t = np.linspace(0, 1, steps)
    rough = np.interp(t, np.linspace(0, 1, 24), canvas.chance.uniform(-1, 1, 24)) * 0.014
    rough += canvas.chance.uniform(-1, 1, steps) * 0.006
    top = canvas.horizon / canvas.height - 0.1
    flat = (np.clip(t - 0.42, 0, 1) / 0.58) ** 0.75 * (1.06 - top)
    y = (top + flat + rough) * canvas.height
    x = t * canvas.width * 0.46
    outline = [(float(a if left else canvas.width - a), float(b)) for a, b in zip(x, y, strict=True)]
    edge = -2.0 if left else canvas.width + 2.0
    mask = canvas.stencil([[(edge, float(y[0])), *outline, (edge, canvas.height * 1.1)]], canvas.unit / 1000)
    rock = canvas.noise(14, 9, 5)[..., None]
    canvas.lay(mixed(rgb(s.near), mixed(rgb(s.ground), rgb(s.near), 0.3), step(0.4, 0.85, rock) * 0.8), mask)
    rim = np.clip(mask - moved(mask, 0, max(1, canvas.unit // 260)), 0, 1)
    canvas.lay(rgb(s.light), rim * 0.4)
    return outline[int(steps * 0.3)]
