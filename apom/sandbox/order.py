"""What a request asks for, checked; and the one way to refuse: HTTP 200 with another code in the body, as Kie does it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import JsonValue

Choice = TypeVar("Choice", str, int)

IMAGE, EDIT, VIDEO = "sandbox-image", "sandbox-edit", "sandbox-video"
PRICES = {IMAGE: 4.0, EDIT: 4.0, VIDEO: 12.0}  # play credits
SIZES = {
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "1:1": (960, 960),
    "4:3": (1120, 840),
    "3:4": (840, 1120),
    "21:9": (1512, 648),
}
RESOLUTIONS = {"720p": 1.0, "1080p": 1.5}
DURATIONS = (3, 4, 5)  # s
PROMPT_CHARS = 20_000
SEEDS = 2**31
PICTURE = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|webp)")


class Refusal(Exception):
    """An answer whose code is not 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


@dataclass(frozen=True, kw_only=True)
class Order:
    """A picture from words, a picture changed by words, or a clip from a picture.

    `seed`: None when the sandbox may choose; `source`: the name of the picture that is changed or moved over, whose size
    counts then.
    """

    model: str
    prompt: str
    seed: int | None
    size: tuple[int, int]
    duration: int = 0
    source: str = ""

    @property
    def ending(self) -> str:
        """The ending of the file it becomes."""
        return "mp4" if self.model == VIDEO else "png"


def read(model: JsonValue, given: JsonValue) -> Order:
    """The order in a createTask's `model` and `input`. Raises Refusal 422."""
    if model not in (IMAGE, EDIT, VIDEO):
        raise Refusal(422, "The model is not supported")
    if not isinstance(given, dict):
        raise Refusal(422, "input is required")
    prompt, seed = _prompt(given, is_needed=model != VIDEO), _seed(given)
    if model == IMAGE:
        return Order(model=IMAGE, prompt=prompt, seed=seed, size=_size(given))
    if model == EDIT:
        return Order(model=EDIT, prompt=prompt, seed=seed, size=(0, 0), source=_source(given))
    duration = _one_of(given, "duration", DURATIONS, default=DURATIONS[1])
    return Order(model=VIDEO, prompt=prompt, seed=seed, size=(0, 0), duration=duration, source=_source(given))


def _prompt(given: Mapping[str, JsonValue], *, is_needed: bool) -> str:
    prompt = given.get("prompt", "")
    if not isinstance(prompt, str) or (is_needed and not prompt.strip()):
        raise Refusal(422, "prompt is required")
    if len(prompt) > PROMPT_CHARS:
        raise Refusal(422, f"prompt is longer than {PROMPT_CHARS} characters")
    if "[refuse]" in prompt:
        raise Refusal(422, "The prompt was flagged by the content policy")
    return prompt


def _seed(given: Mapping[str, JsonValue]) -> int | None:
    seed = given.get("seed")
    if seed is None:
        return None
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < SEEDS:
        raise Refusal(422, f"seed must be an integer from 0 to {SEEDS - 1}")
    return seed


def _size(given: Mapping[str, JsonValue]) -> tuple[int, int]:
    wide, tall = SIZES[_one_of(given, "aspect_ratio", tuple(SIZES), default="16:9")]
    scale = RESOLUTIONS[_one_of(given, "resolution", tuple(RESOLUTIONS), default="720p")]
    return int(wide * scale), int(tall * scale)


def _source(given: Mapping[str, JsonValue]) -> str:
    """The name in the URL of one of our own files; the host may be another, as after a restart on another port."""
    urls = given.get("input_urls")
    url = urls[0] if isinstance(urls, list) and len(urls) == 1 else given.get("image_url")
    folder, _, name = _path(url).rpartition("/")
    if not folder.endswith("/files") or not PICTURE.fullmatch(name):
        raise Refusal(422, "image_url must be a picture that was uploaded or made here")
    return name


def _path(url: JsonValue) -> str:
    try:
        return urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        return ""


def _one_of(given: Mapping[str, JsonValue], name: str, values: tuple[Choice, ...], *, default: Choice) -> Choice:
    value = given.get(name, default)
    for allowed in values:
        if value == allowed and type(value) is type(allowed):
            return allowed
    raise Refusal(422, f"{name} must be one of {', '.join(map(str, values))}")
