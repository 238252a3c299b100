"""What a prompt asks for: place, figure, weather, mood and palette, by words in English and Russian.

Pure, and without any library.
"""

from __future__ import annotations

import colorsys
import hashlib
import random
import re
from dataclasses import dataclass
from typing import TypeAlias

Colour: TypeAlias = tuple[float, float, float]  # 0..255 each
Palette: TypeAlias = tuple[Colour, Colour, Colour, Colour, Colour]

MOODS = {  # sky above, sky at the horizon, light, ground in that light, what stands against it
    "sunset": ("#2a1f57", "#ff8a5c", "#ffe2a8", "#7a4a46", "#1a1030"),
    "dawn": ("#45648f", "#ffc9a3", "#fff1d6", "#747355", "#26304a"),
    "night": ("#060a1c", "#24365f", "#dfe8ff", "#26324f", "#05070f"),
    "day": ("#2d6cb5", "#c4def0", "#fffbe8", "#75804f", "#1d2c33"),
    "forest": ("#2d5c56", "#d5e3a4", "#fbf7cf", "#46663a", "#0c2420"),
    "desert": ("#3e6d9c", "#f2c995", "#fff0c2", "#cd8c4c", "#4a2212"),
    "winter": ("#5b7ea8", "#e8f1f8", "#ffffff", "#7d8ba0", "#31465e"),
    "neon": ("#0a0420", "#6b1d8a", "#ff4fd8", "#33184f", "#060212"),
    "storm": ("#1a2129", "#6c7a86", "#cfd8dc", "#48525a", "#0b0f13"),
    "space": ("#04020d", "#1d1147", "#cfc0ff", "#3a2f63", "#030208"),
}
SAND = "#c98a4e"
MOOD_WORDS = {
    "neon": r"neon|cyber|tokyo|неон|кибер",
    "sunset": r"sunset|evening|golden hour|dusk|warm|закат|вечер|тепл",
    "dawn": r"dawn|morning|sunrise|рассвет|утр",
    "storm": r"storm|шторм|бур[яюи]|туч|гроз",
    "night": r"night|moon|midnight|ночь|ночи|ночн|лун",
    "winter": r"snow|winter|ice\b|frozen|снег|снеж|зим|лед\b|льд",
    "day": r"day\b|noon|sunny|день|днем|полдень|солнечн",
    "space": r"space|galaxy|cosmos|космос|космич",
}
PLACE_WORDS = {
    "studio": r"product|bottle|perfume|flacon|sneaker|shoe|packshot|studio|soda|"
    r"продукт|бутыл|флакон|духи|студи|кроссов|ботин|банк[аиу]",
    "space": r"space|galaxy|planet|orbit|cosmos|космос|космич|планет|галакти|орбит",
    "city": r"city|cities|street|skyline|downtown|building|town|neon|tokyo|urban|город|улиц|небоскр",
    "desert": r"desert|dunes?\b|sands?\b|пустын|дюн|песк|песок",
    "forest": r"forest|jungle|trees?\b|woods?\b|pines?\b|лес\b|леса|лесу|лесом|джунгл|дерев|сосн",
    "sea": r"ocean|seas?\b|seaside|lake|river|beach|harbou?r|water\b|waves?\b|boats?\b|ships?\b|sail|lighthouse|"
    r"море|морск|моря|океан|озер|рек[аиу]\b|волн|гаван|пляж|лодк|корабл|парус|маяк",
    "mountains": r"mountain|peaks?\b|alps|cliff|canyon|гор[ыа]\b|горах|вершин|скал|ущель",
    "hills": r"field|meadow|hills?\b|valley|поле|поля|холм|долин|луг",
}
DEFAULT_MOODS = {  # a place's own light, when the words name none
    "desert": ("desert",),
    "forest": ("forest",),
    "sea": ("day", "dawn", "sunset"),
    "mountains": ("day", "dawn", "winter"),
    "hills": ("day", "dawn", "sunset"),
    "city": ("sunset", "night", "dawn"),
    "space": ("space",),
    "portrait": ("sunset", "night", "dawn"),
}
FIGURE_WORDS = {
    "portrait": r"portrait|face\b|close-?up|headshot|keeper|портрет|лицо|крупн\w+ план|смотрител",
    "lighthouse": r"lighthouse|маяк",
    "boat": r"boats?\b|ships?\b|sail|yacht|лодк|корабл|парус|яхт",
    "person": r"woman|man\b|girl|boy\b|person|people|hero|character|travell?er|wanderer|walk|lone\b|"
    r"женщин|мужчин|девуш|девоч|мальчи|парень|человек|геро|путни|идет",
}
HAIR_WORDS = {
    "cap": r"keeper|captain|sailor|смотрител|капитан|моряк",
    "long": r"woman|girl|lady|женщин|девуш|девоч",
    "short": r"man\b|boy\b|guy\b|мужчин|мальчи|парень",
}
PRODUCT_WORDS = {
    "flacon": r"perfume|flacon|cosmetic|духи|флакон|парфюм",
    "sneaker": r"sneaker|shoe|кроссов|ботин|обувь",
    "can": r"cans?\b|soda|банк[аиу]",
    "bottle": r"bottle|wine|бутыл|вино",
}
WEATHER_WORDS = {
    "rain": r"(?<!after )rain|(?<!после )дожд|ливень",
    "snow": r"snow|blizzard|снег|снеж|метел",
    "mist": r"mist|fog|haz[ey]|туман|дымк",
    "rays": r"rays?\b|sunbeams?\b|god ?rays|луч",
}
HUE_WORDS = {
    0.0: r"red\b|красн",
    0.07: r"orange|оранж",
    0.11: r"amber|gold|янтар|золот",
    0.36: r"green|зелен",
    0.5: r"teal|turquoise|бирюз",
    0.6: r"blue|син[яийе]|голуб",
    0.77: r"purple|violet|фиолет|лилов",
    0.92: r"pink|rose\b|розов",
}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is drawn. Fractions are of the picture's width or height; `light_at` is where sun or moon stands."""

    place: str
    figure: str | None
    hair: str
    product: str
    weather: str | None
    mood: str | None
    sky: Colour
    horizon: Colour
    light: Colour
    ground: Colour
    near: Colour
    horizon_at: float
    light_at: tuple[float, float]
    light_size: float
    seed: int

    @property
    def is_dark(self) -> bool:
        """Whether lamps are lit and stars are out."""
        return self.mood in ("night", "neon", "space")


def named(prompt: str) -> dict[str, str | None]:
    """What the words themselves name of mood, weather and hue; None where they leave it open."""
    words = _folded(prompt)
    return {
        "mood": _first(MOOD_WORDS, words),
        "weather": _first(WEATHER_WORDS, words),
        "hue": _first(HUE_WORDS, words),
    }


def scene(prompt: str, seed: int) -> Scene:
    """The scene of a prompt; another seed sees it from elsewhere, in another light."""
    words = _folded(prompt)
    subject, chance = _chance(words), _chance(f"{seed}|{prompt}")
    place = _first(PLACE_WORDS, words) or subject.choice(("hills", "mountains", "sea"))
    weather = _first(WEATHER_WORDS, words)
    mood = _first(MOOD_WORDS, words) or ("storm" if weather == "rain" else None)
    hue = _first(HUE_WORDS, words)
    figure = _figure(words, place)
    if mood is None and hue is None:
        own = DEFAULT_MOODS.get("portrait" if figure == "portrait" else place)
        mood = chance.choice(own) if own else None
    sky, horizon, light, ground, near = (_varied(colour, chance) for colour in _palette(mood, hue, chance))
    if place == "desert":
        ground = _varied(_hex(SAND), chance)
    if hue is not None:
        ground = _varied(_hls(float(hue), 0.34, 0.4), chance)
    horizon_at = chance.uniform(0.54, 0.66)
    return Scene(
        place=place,
        figure=figure,
        hair=_first(HAIR_WORDS, words) or chance.choice(("short", "bun")),
        product=_first(PRODUCT_WORDS, words) or subject.choice(tuple(PRODUCT_WORDS)),
        weather=weather,
        mood=mood,
        sky=sky,
        horizon=horizon,
        light=light,
        ground=ground,
        near=near,
        horizon_at=horizon_at,
        light_at=(chance.choice((chance.uniform(0.14, 0.38), chance.uniform(0.62, 0.86))), _height(mood, chance)),
        light_size=chance.uniform(0.03, 0.055),
        seed=chance.getrandbits(32),
    )


def _folded(prompt: str) -> str:
    return prompt.lower().replace("ё", "е")


def _chance(text: str) -> random.Random:
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311  (a picture, no secret)


def _first(words: dict[str, str] | dict[float, str], text: str) -> str | None:
    """The first entry with one of its words in the text; a hue comes back as text."""
    return next((str(name) for name, pattern in words.items() if re.search(rf"\b(?:{pattern})", text)), None)


def _figure(words: str, place: str) -> str | None:
    """Somebody is seen small where the words name a place to stand in, else close."""
    figure = _first(FIGURE_WORDS, words)
    if place in ("studio", "space"):
        return "portrait" if figure == "portrait" else None
    if figure == "person":
        return "walker" if _first(PLACE_WORDS, words) else "portrait"
    return figure


def _height(mood: str | None, chance: random.Random) -> float:
    """How far down the sky the light stands: low at the day's ends, high otherwise."""
    return chance.uniform(0.38, 0.52) if mood in ("sunset", "dawn") else chance.uniform(0.14, 0.34)


def _palette(mood: str | None, hue: str | None, chance: random.Random) -> Palette:
    if mood is not None:
        sky, horizon, light, ground, near = (_hex(code) for code in MOODS[mood])
        return sky, horizon, light, ground, near
    h = chance.random() if hue is None else float(hue)
    return (
        _hls(h, 0.2, 0.42),
        _hls(h + 0.06, 0.68, 0.48),
        _hls(h + 0.1, 0.92, 0.8),
        _hls(h - 0.03, 0.32, 0.3),
        _hls(h - 0.03, 0.08, 0.4),
    )


def _varied(colour: Colour, chance: random.Random) -> Colour:
    """A little warmer or cooler, lighter or darker, so that takes of one prompt differ at a glance."""
    h, lightness, s = colorsys.rgb_to_hls(*(c / 255 for c in colour))
    return _hls(h + chance.uniform(-0.025, 0.025), min(0.98, lightness * chance.uniform(0.88, 1.14)), s)


def _hex(code: str) -> Colour:
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def _hls(h: float, lightness: float, s: float) -> Colour:
    r, g, b = colorsys.hls_to_rgb(h % 1, lightness, s)
    return r * 255, g * 255, b * 255
