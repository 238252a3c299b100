"""Who and what stands in the picture: a face in profile, a walker, a lighthouse, a boat."""

from __future__ import annotations

import numpy as np

from apom.sandbox.canvas import WHITE, Canvas, Pixels, Point, curve, mixed, moved, placed, rgb, step

# A head in profile, looking right: crown at (0, 0), chin at y = 1.
HEAD: tuple[Point, ...] = (
    (0.02, 0.0), (0.2, 0.04), (0.31, 0.13), (0.355, 0.26), (0.362, 0.36), (0.375, 0.405), (0.35, 0.45), (0.385, 0.52),
    (0.455, 0.625), (0.45, 0.655), (0.385, 0.675), (0.383, 0.695), (0.408, 0.73), (0.378, 0.755), (0.398, 0.79),
    (0.362, 0.835), (0.378, 0.895), (0.35, 0.965), (0.24, 0.985), (0.12, 0.97), (0.07, 1.06), (0.075, 1.25), (0.14, 1.4),
    (0.42, 1.53), (0.68, 1.72), (0.82, 2.1), (0.9, 3.2), (-1.05, 3.2), (-1.0, 2.0), (-0.88, 1.66), (-0.58, 1.47),
    (-0.33, 1.33), (-0.26, 1.12), (-0.29, 0.93), (-0.41, 0.72), (-0.46, 0.5), (-0.43, 0.28), (-0.3, 0.1), (-0.14, 0.02),
)  # fmt: skip
HAIR: dict[str, tuple[Point, ...]] = {
    "short": (
        (0.33, 0.2), (0.3, 0.04), (0.1, -0.06), (-0.18, -0.05), (-0.4, 0.08), (-0.51, 0.32), (-0.5, 0.6), (-0.38, 0.84),
        (-0.28, 0.86), (-0.2, 0.66), (-0.08, 0.6), (0.0, 0.48), (0.06, 0.3), (0.2, 0.24),
    ),
    "bun": (
        (0.33, 0.19), (0.24, 0.03), (0.06, -0.05), (-0.2, -0.03), (-0.4, 0.06), (-0.58, 0.02), (-0.7, 0.14), (-0.7, 0.3),
        (-0.56, 0.4), (-0.5, 0.56), (-0.4, 0.72), (-0.26, 0.78), (-0.12, 0.62), (0.02, 0.46), (0.1, 0.28), (0.22, 0.22),
    ),
    "long": (
        (0.34, 0.2), (0.26, 0.02), (0.06, -0.06), (-0.22, -0.04), (-0.45, 0.12), (-0.56, 0.42), (-0.6, 0.8), (-0.68, 1.2),
        (-0.66, 1.75), (-0.5, 1.95), (-0.28, 1.88), (-0.12, 1.6), (-0.08, 1.2), (-0.04, 0.8), (0.02, 0.5), (0.12, 0.3),
        (0.24, 0.22),
    ),
    "cap": (
        (0.66, 0.25), (0.6, 0.2), (0.38, 0.14), (0.4, 0.02), (0.3, -0.1), (0.02, -0.17), (-0.3, -0.12), (-0.47, 0.0),
        (-0.46, 0.16), (-0.44, 0.24), (-0.1, 0.24), (0.36, 0.24), (0.52, 0.28),
    ),
}  # fmt: skip
BEARD: tuple[Point, ...] = (
    (0.12, 0.62), (0.24, 0.72), (0.39, 0.69), (0.43, 0.73), (0.4, 0.79), (0.43, 0.9), (0.42, 1.08), (0.32, 1.2),
    (0.16, 1.18), (0.05, 1.04), (0.0, 0.84),
)  # fmt: skip
SKINS = ((208, 158, 128), (176, 120, 88), (130, 84, 60), (226, 182, 154))
WALKER: tuple[Point, ...] = (
    (0.0, -1.0), (0.055, -0.985), (0.07, -0.93), (0.05, -0.87), (0.1, -0.83), (0.14, -0.74), (0.15, -0.55), (0.165, -0.44),
    (0.125, -0.42), (0.125, -0.36), (0.14, -0.2), (0.18, -0.02), (0.2, 0.0), (0.11, 0.0), (0.06, -0.2), (0.02, -0.32),
    (-0.03, -0.18), (-0.09, -0.05), (-0.11, 0.0), (-0.18, -0.01), (-0.14, -0.1), (-0.1, -0.25), (-0.115, -0.4),
    (-0.16, -0.42), (-0.145, -0.56), (-0.13, -0.74), (-0.1, -0.83), (-0.05, -0.87), (-0.07, -0.93), (-0.05, -0.985),
)  # fmt: skip


def portrait(canvas: Canvas) -> None:
    """Head and shoulders in profile, modelled by a key light from the front and a rim of the scene's light."""
    s, chance = canvas.scene, canvas.chance
    canvas.defocus(canvas.unit / 55)
    bokeh(canvas)
    looks_left = bool(chance.randint(2))
    tall = canvas.unit * 0.5
    at = (canvas.width * (0.58 if looks_left else 0.42), canvas.height * 0.5 - tall * 0.72)
    body = canvas.stencil([placed(curve(HEAD), at, tall, looks_left)], canvas.unit / 1100)
    hair = [HAIR[s.hair], BEARD] if s.hair == "cap" else [HAIR[s.hair]]
    dark = canvas.stencil([placed(curve(shape), at, tall, looks_left) for shape in hair], canvas.unit / 800)
    key = -1.0 if looks_left else 1.0
    skin = mixed(np.array(SKINS[chance.randint(len(SKINS))], "f4"), rgb(s.light), 0.12) * 0.78
    shade = _modelled(canvas, body, key, tall)
    coat = step(1.3, 1.5, (canvas.y - at[1]) / tall + 0.12 * np.sin(canvas.x / tall * 3))[..., None]
    cloth = mixed(rgb(s.near), rgb(s.ground), 0.45)
    lit = mixed(skin, cloth, coat)
    surface = mixed(mixed(lit * 0.22, rgb(s.sky), 0.22), lit, shade[..., None])
    canvas.lay(surface, body)
    strands = 0.55 + 0.9 * canvas.noise(40, 5, 3) * _modelled(canvas, dark, key, tall * 0.6)
    canvas.lay(mixed(rgb(s.near), np.array((70, 48, 36), "f4"), 0.5) * strands[..., None], dark)
    _features(canvas, at, tall, looks_left)
    _rim(canvas, np.maximum(body, dark), -key, tall)


def _modelled(canvas: Canvas, mask: Pixels, key: float, tall: float) -> Pixels:
    """How much light each part gets, as if the flat shape were round; `key`: 1 when it comes from the right."""
    wide, close = canvas.blurred(mask, tall * 0.16), canvas.blurred(mask, tall * 0.045)
    slope = np.gradient(wide, axis=1) * tall * 1.3 + np.gradient(close, axis=1) * tall * 0.3
    over = np.gradient(wide, axis=0) * tall * 0.6
    return np.clip(0.3 - slope * key + over, 0.04, 1.0)


def _features(canvas: Canvas, at: Point, tall: float, looks_left: bool) -> None:
    """A lid, a brow, a nostril and the line of the mouth: enough for a face."""
    lid = ((0.235, 0.452), (0.27, 0.438), (0.325, 0.447), (0.33, 0.462), (0.28, 0.468))
    brow = ((0.2, 0.385), (0.27, 0.362), (0.36, 0.378), (0.36, 0.395), (0.27, 0.385))
    nostril = ((0.385, 0.645), (0.41, 0.632), (0.425, 0.645), (0.405, 0.655))
    mouth = ((0.29, 0.757), (0.34, 0.748), (0.392, 0.752), (0.34, 0.762))
    shapes = [placed(curve(shape), at, tall, looks_left) for shape in (lid, brow, nostril, mouth)]
    canvas.lay(rgb(canvas.scene.near) * 0.8, canvas.stencil(shapes, canvas.unit / 700) * 0.75)


def _rim(canvas: Canvas, mask: Pixels, side: float, tall: float) -> None:
    """Light from behind along one edge."""
    shift = max(1, int(tall * 0.022))
    edge = np.clip(mask - moved(mask, int(-side) * shift, shift // 2), 0, 1)
    canvas.lay(mixed(rgb(canvas.scene.light), WHITE, 0.2), canvas.blurred(edge, tall * 0.008) * 0.85)


def bokeh(canvas: Canvas) -> None:
    """Lamps out of focus."""
    s, count = canvas.scene, 26 if canvas.scene.is_dark or canvas.scene.place == "city" else 9
    for _ in range(count):
        x, y = canvas.chance.uniform(0, canvas.width), canvas.chance.uniform(0.1, 0.75) * canvas.height
        radius = canvas.unit * canvas.chance.uniform(0.012, 0.05)
        rows, columns = canvas.patch((x, y), radius * 1.2, radius * 1.2)
        away = np.hypot(canvas.x[:, columns] - x, canvas.y[rows] - y) / radius
        spot = np.clip((1 - away) / 0.12 + 0.5, 0, 1) * (0.6 + 0.4 * np.clip(away, 0, 1) ** 4)
        warm = mixed(np.array((255, 190, 110), "f4"), rgb(s.light), canvas.chance.random_sample())
        canvas.pixels[rows, columns] += warm * spot[..., None] * canvas.chance.uniform(0.08, 0.4)


def walker(canvas: Canvas) -> None:
    """Somebody small, seen from behind, with a long shadow."""
    s = canvas.scene
    tall = canvas.unit * canvas.chance.uniform(0.17, 0.22)
    foot = (canvas.width * canvas.chance.uniform(0.4, 0.6), canvas.height * 0.84)
    lean = (foot[0] - canvas.light[0]) / canvas.width * 1.2
    shadow = [(foot[0] + (x + -y * lean) * tall, foot[1] - y * tall * 0.35) for x, y in WALKER]
    canvas.lay(rgb(s.near) * 0.5, canvas.stencil([shadow], canvas.unit / 220) * 0.45)
    mask = canvas.stencil([placed(curve(WALKER), foot, tall, bool(canvas.chance.randint(2)))], canvas.unit / 1300)
    canvas.lay(rgb(s.near) * 0.7, mask)
    _rim(canvas, mask, 1.0 if canvas.light[0] > foot[0] else -1.0, tall * 0.5)


def lighthouse(canvas: Canvas, foot: Point) -> None:
    """A striped tower with its lamp, and the beam where it is dark enough."""
    s, tall = canvas.scene, canvas.unit * 0.34
    tower = ((-0.1, 0.05), (-0.066, -0.78), (0.066, -0.78), (0.1, 0.05))
    top = ((-0.1, -0.78), (-0.1, -0.81), (0.1, -0.81), (0.1, -0.78))
    lamp = ((-0.05, -0.81), (-0.05, -0.91), (0.05, -0.91), (0.05, -0.81))
    roof = ((-0.066, -0.91), (-0.03, -0.97), (0.0, -1.02), (0.03, -0.97), (0.066, -0.91))
    mask = canvas.stencil([placed(tower, foot, tall)], canvas.unit / 1300)
    across = (canvas.x - foot[0]) / (tall * 0.1) * (1 if canvas.light[0] > foot[0] else -1)
    stripes = step(-0.1, 0.1, np.sin((canvas.y - foot[1]) / tall * 22))[..., None]
    white, red = mixed(rgb(s.light), rgb(s.horizon), 0.25), mixed(np.array((170, 52, 44), "f4"), rgb(s.ground), 0.25)
    shade = np.clip(0.5 + 0.5 * across, 0.12, 1)[..., None]
    canvas.lay(mixed(rgb(s.near), mixed(white, red, stripes), shade), mask)
    canvas.lay(rgb(s.near), canvas.stencil([placed(top, foot, tall), placed(roof, foot, tall)], canvas.unit / 1300))
    light = np.array((255, 236, 190), "f4")
    canvas.lay(light, canvas.stencil([placed(lamp, foot, tall)]) * 0.95)
    at = (foot[0], foot[1] - tall * 0.86)
    away = np.hypot(canvas.x - at[0], canvas.y - at[1]) / canvas.unit
    canvas.shine(light, np.exp(-away * 26) * 0.8)
    if s.is_dark or s.mood in ("storm", "sunset"):
        _beam(canvas, at, light)


def _beam(canvas: Canvas, at: Point, light: Pixels) -> None:
    side, far = (1 if at[0] < canvas.width / 2 else -1), canvas.width * 1.1
    shape = [at, (at[0] + side * far, at[1] - far * 0.03), (at[0] + side * far, at[1] - far * 0.14)]
    away = np.abs(canvas.x - at[0]) / canvas.width
    canvas.lay(light, canvas.stencil([shape], canvas.unit / 90) * np.exp(-away * 2.2) * 0.42)


def boat(canvas: Canvas) -> None:
    """A sailing boat near the light's path, mirrored in the water."""
    s = canvas.scene
    size = canvas.unit * canvas.chance.uniform(0.16, 0.22)
    side = 1 if canvas.light[0] < canvas.width / 2 else -1
    at = (
        canvas.light[0] + side * canvas.width * canvas.chance.uniform(0.1, 0.26),
        canvas.horizon + canvas.height * 0.1,
    )
    hull = ((-0.5, -0.1), (-0.36, 0.04), (0.34, 0.04), (0.56, -0.13), (0.2, -0.09))
    sails = (((0.03, -0.16), (0.03, -1.1), (0.47, -0.19)), ((-0.02, -0.18), (-0.02, -0.98), (-0.4, -0.2)))
    mast = ((-0.01, 0.0), (-0.01, -1.14), (0.012, -1.14), (0.012, 0.0))
    shapes = [placed(shape, at, size) for shape in (*sails, hull, mast)]
    mirrored = [[(x, 2 * at[1] + size * 0.06 - y * 1.0) for x, y in shape] for shape in shapes]
    canvas.lay(rgb(s.near), canvas.stencil(mirrored, canvas.unit / 160) * 0.45)
    cloth = mixed(rgb(s.light), rgb(s.horizon), 0.35)
    canvas.lay(cloth if s.mood != "storm" else cloth * 0.7, canvas.stencil(shapes[:2], canvas.unit / 1300) * 0.92)
    canvas.lay(rgb(s.near), canvas.stencil(shapes[2:], canvas.unit / 1300))
