"""What is above and in the air: gradient, sun or moon, clouds, stars, planets, rays, rain, snow and mist."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from apom.sandbox.canvas import WHITE, Canvas, Pixels, mixed, moved, rgb, step


def open_sky(canvas: Canvas) -> None:
    """The whole sky, down to the horizon."""
    s = canvas.scene
    down = np.clip(canvas.y / max(1, canvas.horizon), 0, 1)
    canvas.pixels += mixed(rgb(s.sky), rgb(s.horizon), (down**1.35)[..., None])
    if s.is_dark:
        stars(canvas, 0.0012)
    halo(canvas)
    if s.mood not in ("neon", "storm") and s.weather != "rain":
        disc(canvas)
    clouds(canvas)


def halo(canvas: Canvas) -> None:
    """Light around the sun: wide and faint, narrow and strong."""
    away = _away(canvas) / canvas.unit
    strength = 0.45 if canvas.scene.is_dark or canvas.scene.mood == "storm" else 0.75
    canvas.lay(rgb(canvas.scene.light), (np.exp(-away * 2.6) * 0.55 + np.exp(-away * 9) * 0.45) * strength)


def disc(canvas: Canvas) -> None:
    """The sun; at night a moon with one side in shadow."""
    s, radius = canvas.scene, canvas.unit * canvas.scene.light_size
    away = _away(canvas)
    canvas.lay(mixed(rgb(s.light), WHITE, 0.5), np.clip((radius - away) / 1.5 + 0.5, 0, 1))
    if s.is_dark:
        shadow = np.hypot(canvas.x - canvas.light[0] - radius * 0.5, canvas.y - canvas.light[1] + radius * 0.25)
        inside = np.clip((radius - away) / 1.5 + 0.5, 0, 1) * step(radius * 1.25, radius * 0.75, shadow)
        canvas.lay(rgb(s.sky), inside * 0.8)


def clouds(canvas: Canvas) -> None:
    """Clouds that flatten towards the horizon, bright where they face the light."""
    s = canvas.scene
    tall = max(2, canvas.horizon)
    field = canvas.noise(2.2 * canvas.width / canvas.height, 5, 6)
    down = np.linspace(0, 1, tall) ** 1.4  # far clouds are seen from the side
    field = field[(down * (canvas.height - 1)).astype(int)]
    cover = {"storm": 0.36, "night": 0.56, "neon": 0.54}.get(s.mood or "", 0.5)
    density = step(cover, cover + 0.22, field)
    aside = canvas.unit // 60 * (1 if canvas.light[0] < canvas.width / 2 else -1)
    lit = np.clip(0.5 + (field - moved(field, aside, canvas.unit // 40)) * 6, 0, 1)[..., None]
    dark, bright = mixed(rgb(s.sky), rgb(s.horizon), 0.55), mixed(rgb(s.horizon), rgb(s.light), 0.75)
    if s.is_dark:
        bright = mixed(rgb(s.horizon), rgb(s.light), 0.18)
    low = np.linspace(1, 0.35, tall)[:, None]
    sky = canvas.pixels[:tall]
    sky += (mixed(dark, bright, lit) - sky) * (density * low * 0.85)[..., None]


def stars(canvas: Canvas, share: float) -> None:
    """Stars, some of them bright; `share` of all pixels."""
    chance, image = canvas.chance, Image.new("L", (canvas.width, canvas.height))
    draw = ImageDraw.Draw(image)
    for _ in range(min(1500, int(share * canvas.width * canvas.height))):
        x, y, bright = chance.uniform(0, canvas.width), chance.uniform(0, canvas.height), chance.random_sample()
        size = canvas.unit / 1400 + (canvas.unit / 420) * bright**12
        draw.ellipse((x - size, y - size, x + size, y + size), fill=int(60 + 195 * bright**3))
    glow = np.asarray(image.filter(ImageFilter.GaussianBlur(canvas.unit / 1500)), "f4") / 255
    canvas.shine(np.array((235, 240, 255), "f4"), glow)


def outer_space(canvas: Canvas) -> None:
    """A nebula, stars, and a planet lit from the side."""
    s = canvas.scene
    canvas.pixels += rgb(s.sky)
    dust = step(0.36, 0.72, canvas.noise(2.6, 1.9, 6))
    veil = step(0.32, 0.7, canvas.noise(4.4, 3.1, 6))
    canvas.shine(mixed(rgb(s.horizon), rgb(s.light), 0.25) * 1.5, dust * veil)
    canvas.shine(np.array((190, 70, 60), "f4"), step(0.46, 0.75, canvas.noise(3.4, 2.6, 5)) * dust * 0.5)
    stars(canvas, 0.0016)
    planet(canvas)


def planet(canvas: Canvas) -> None:
    """A big banded planet with air around it, its light side towards the star."""
    s, chance = canvas.scene, canvas.chance
    left = canvas.light[0] < canvas.width / 2
    radius = canvas.unit * chance.uniform(0.3, 0.46)
    at_x, at_y = canvas.width * (chance.uniform(0.6, 0.74) if left else chance.uniform(0.26, 0.4)), canvas.height * 0.5
    x, y = (canvas.x - at_x) / radius, (canvas.y - at_y) / radius
    away = np.hypot(x, y)
    front = np.sqrt(np.clip(1 - away**2, 0, 1))
    sun_x = -0.78 if left else 0.78
    light = step(-0.12, 0.85, x * sun_x - y * 0.4 + front * 0.45)
    tilted = y + x * 0.18 + (canvas.noise(3, 6, 5) - 0.5) * 0.32
    bands = 0.5 + 0.5 * np.sin(tilted * chance.uniform(9, 16) + chance.uniform(0, 6))
    surface = mixed(rgb(s.ground) * 1.5, rgb(s.light) * 0.9, bands[..., None]) * light[..., None]
    edge = np.clip((1 - away) * radius / 1.5 + 0.5, 0, 1)
    air = np.exp(-np.abs(away - 1) * 16) * step(-0.35, 0.8, x * sun_x - y * 0.4)
    canvas.lay(surface, edge)
    canvas.shine(mixed(rgb(s.light), np.array((90, 150, 255), "f4"), 0.6), air * 0.55)


def rays(canvas: Canvas) -> None:
    """Beams that fan out from the light."""
    angle = np.arctan2(canvas.y - canvas.light[1], canvas.x - canvas.light[0])
    beams = np.interp(angle, np.linspace(-math.pi, math.pi, 90), canvas.chance.random_sample(90))
    fade = np.exp(-_away(canvas) / canvas.unit * 1.3) * step(-0.1, 0.6, np.sin(angle))
    canvas.lay(rgb(canvas.scene.light), step(0.35, 0.95, beams) * fade * 0.5)


def mist(canvas: Canvas) -> None:
    """A bank of mist that lies along the ground."""
    level = (canvas.y - canvas.height * 0.72) / (canvas.height * 0.16)
    bank = np.exp(-(level**2)) * (0.35 + canvas.noise(1.5, 5, 5))
    canvas.lay(mixed(rgb(canvas.scene.horizon), rgb(canvas.scene.light), 0.3), np.clip(bank, 0, 1) * 0.7)


def rain(canvas: Canvas) -> None:
    """Slanting streaks, and the grey of the wet air."""
    image = Image.new("L", (canvas.width, canvas.height))
    draw = ImageDraw.Draw(image)
    for _ in range(420):
        x, y = canvas.chance.uniform(-0.1, 1.1) * canvas.width, canvas.chance.uniform(-0.1, 1) * canvas.height
        long = canvas.unit * canvas.chance.uniform(0.03, 0.09)
        draw.line((x, y, x - long * 0.16, y + long), fill=int(canvas.chance.uniform(40, 150)))
    canvas.lay(rgb(canvas.scene.horizon), np.full((1, 1), 0.1, "f4"))
    streaks = np.asarray(image.filter(ImageFilter.GaussianBlur(canvas.unit / 1400)), "f4") / 255
    canvas.shine(mixed(rgb(canvas.scene.light), WHITE, 0.5), streaks * 0.55)


def snow(canvas: Canvas) -> None:
    """Flakes: many small, a few big and out of focus."""
    flakes: Pixels = np.zeros((canvas.height, canvas.width), "f4")
    for count, size, soft in ((420, 0.0016, 0.0008), (110, 0.0035, 0.002), (26, 0.009, 0.006)):
        image = Image.new("L", (canvas.width, canvas.height))
        draw = ImageDraw.Draw(image)
        for _ in range(count):
            x, y = canvas.chance.random_sample(2) * (canvas.width, canvas.height)
            r = canvas.unit * size * canvas.chance.uniform(0.6, 1.3)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=220)
        flakes += np.asarray(image.filter(ImageFilter.GaussianBlur(canvas.unit * soft)), "f4") / 255
    canvas.lay(np.array((244, 248, 255), "f4"), np.clip(flakes, 0, 1) * 0.8)


def _away(canvas: Canvas) -> Pixels:
    """Each pixel's distance from the light."""
    away: Pixels = np.hypot(canvas.x - canvas.light[0], canvas.y - canvas.light[1])
    return away
