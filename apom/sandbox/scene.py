"""What a prompt asks for: mood, motif and palette, by words in English and Russian. Pure, and without any library."""

from __future__ import annotations

import colorsys
import hashlib
import random
import re
from dataclasses import dataclass
from typing import TypeAlias

Colour: TypeAlias = tuple[float, float, float]  # 0..255 each

MOODS = {  # sky above, sky at the horizon, light, foreground
    "sunset": ("#1b1646", "#ff8a5c", "#ffe2a8", "#1a1030"),
    "dawn": ("#35507f", "#ffc9a3", "#fff1d6", "#26304a"),
    "night": ("#050814", "#24365f", "#dfe8ff", "#05070f"),
    "ocean": ("#0f3d63", "#a8dadc", "#fdf6d8", "#07304a"),
    "forest": ("#27504a", "#d5e3a4", "#fbf7cf", "#0c2420"),
    "desert": ("#3e6d9c", "#f2c078", "#fff0c2", "#6b3319"),
    "snow": ("#5b7ea8", "#e8f1f8", "#ffffff", "#31465e"),
    "neon": ("#0a0420", "#6b1d8a", "#ff4fd8", "#060212"),
    "storm": ("#1a2129", "#6c7a86", "#cfd8dc", "#0b0f13"),
    "space": ("#020108", "#1d1147", "#b9a7ff", "#030208"),
}
MOOD_WORDS = {
    "neon": r"neon|cyber|tokyo|неон",
    "sunset": r"sunset|evening|golden hour|закат|вечер",
    "dawn": r"dawn|morning|sunrise|рассвет|утр",
    "night": r"night|moon|dark|ноч|лун",
    "storm": r"storm|rain|cloud|дожд|шторм|бур|туч",
    "space": r"space|galaxy|star|planet|космос|звезд|звёзд",
    "snow": r"snow|winter|ice\b|снег|зим|лёд",
    "desert": r"desert|dune|sand|пустын|песок",
    "forest": r"forest|jungle|tree|wood|лес",
    "ocean": r"ocean|sea\b|beach|water|море|океан|пляж",
}
MOTIF_WORDS = {
    "studio": r"product|bottle|perfume|sneaker|watch\b|packshot|studio|продукт|бутыл|флакон|студи",
    "city": r"city|street|skyline|building|town|neon|tokyo|urban|город|улиц",
    "portrait": r"portrait|woman|man\b|girl|boy\b|face|keeper|character|портрет|девуш|женщин|мужчин|геро|смотрител",
}
WATER = r"ocean|sea\b|lake|river|beach|harbou?r|water|wave|море|океан|озер|рек|волн|гаван"
HUES = {
    "amber": 0.1,
    "gold": 0.12,
    "red": 0.0,
    "blue": 0.6,
    "green": 0.36,
    "pink": 0.92,
    "purple": 0.77,
    "orange": 0.07,
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is drawn. Fractions are of the picture's width or height."""

    motif: str
    mood: str | None
    sky: Colour
    horizon: Colour
    light: Colour
    near: Colour
    has_water: bool
    has_stars: bool
    horizon_at: float
    light_at: tuple[float, float]
    light_size: float
    seed: int


def scene(prompt: str, seed: int) -> Scene:
    """The scene of a prompt; another seed sees it from elsewhere, in another light."""
    words = prompt.lower()
    number = int.from_bytes(hashlib.sha256(f"{seed}|{prompt}".encode("utf-8", "replace")).digest()[:4], "big")
    chance = random.Random(number)  # noqa: S311  (a picture, no secret)
    motif = _first(MOTIF_WORDS, words) or "landscape"
    mood = _first(MOOD_WORDS, words)
    sky, horizon, light, near = (_varied(c, chance) for c in _palette(mood, words, chance))
    horizon_at = chance.uniform(0.52, 0.72)
    return Scene(
        motif=motif,
        mood=mood,
        sky=sky,
        horizon=horizon,
        light=light,
        near=near,
        has_water=re.search(WATER, words) is not None,
        has_stars=mood in ("night", "space", "neon"),
        horizon_at=horizon_at,
        light_at=(chance.uniform(0.12, 0.88), horizon_at * chance.uniform(0.25, 0.95)),
        light_size=chance.uniform(0.035, 0.1),
        seed=number,
    )


def _first(words: dict[str, str], text: str) -> str | None:
    return next((name for name, pattern in words.items() if re.search(rf"\b(?:{pattern})", text)), None)


def _palette(mood: str | None, words: str, chance: random.Random) -> tuple[Colour, Colour, Colour, Colour]:
    if mood is not None:
        sky, horizon, light, near = (_hex(c) for c in MOODS[mood])
        return sky, horizon, light, near
    hue = next((hue for name, hue in HUES.items() if re.search(rf"\b{name}", words)), chance.random())
    return _hls(hue, 0.14, 0.6), _hls(hue + 0.07, 0.64, 0.72), _hls(hue + 0.12, 0.9, 0.8), _hls(hue - 0.03, 0.07, 0.5)


def _varied(colour: Colour, chance: random.Random) -> Colour:
    """A little warmer or cooler, lighter or darker, so that takes of one prompt differ at a glance."""
    h, lightness, s = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    return _hls(h + chance.uniform(-0.035, 0.035), min(0.98, lightness * chance.uniform(0.85, 1.15)), s)


def _hex(code: str) -> Colour:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _hls(h: float, lightness: float, s: float) -> Colour:
    r, g, b = colorsys.hls_to_rgb(h % 1, lightness, s)
    return r * 255, g * 255, b * 255
