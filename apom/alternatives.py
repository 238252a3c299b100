"""`{a|b}` in a prompt: one text, many prompts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

from apom.errors import Invalid

DEEPEST = 20


def alternatives(text: str, *, most: int) -> tuple[str, ...]:
    """Every prompt a text stands for, in reading order and without repeats.

    `{a|b}` is one of them, `{|b}` perhaps nothing, and alternatives may hold others. Braces without a bar, or without
    their partner, are what they are: prompts may quote JSON. Raises Invalid for more than `most`.
    """
    found = tuple(dict.fromkeys(islice(_expand(text, 0), most * 4 + 1)))
    if len(found) > most:
        raise Invalid(
            "The alternatives in this prompt make more than {most} prompts. Use fewer.", field="prompt", most=most
        )
    return found


def _expand(text: str, depth: int) -> Iterator[str]:
    """The prompts of a text; nothing is expanded inside more than DEEPEST braces."""
    parts = list(_parts(text)) if depth < DEEPEST else [text]
    choices = [[part] if isinstance(part, str) else _choices(part, depth) for part in parts]
    return ("".join(chosen) for chosen in product(*choices))


def _choices(options: list[str], depth: int) -> list[str]:
    return list(dict.fromkeys(found for option in options for found in islice(_expand(option, depth + 1), 1000)))


def _parts(text: str) -> Iterator[str | list[str]]:
    """Plain text, and the options of each pair of braces that holds a bar of its own."""
    partners, at = _partners(text), 0
    while at < len(text):
        opened = text.find("{", at)
        if opened < 0:
            yield text[at:]
            return
        yield text[at:opened]
        if opened in partners:
            yield _options(text[opened + 1 : partners[opened]])
            at = partners[opened] + 1
        else:  # a brace that is just a brace; what follows may still hold alternatives
            yield "{"
            at = opened + 1


def _partners(text: str) -> dict[int, int]:
    """Where each brace that holds a bar of its own is closed."""
    found: dict[int, int] = {}
    opened: list[int] = []
    barred: set[int] = set()
    for i, c in enumerate(text):
        if c == "{":
            opened.append(i)
        elif c == "|" and opened:
            barred.add(opened[-1])
        elif c == "}" and opened and (begun := opened.pop()) in barred:
            found[begun] = i
    return found


def _options(inside: str) -> list[str]:
    """Split at the bars that belong to this pair of braces."""
    options, depth, begun = list[str](), 0, 0
    for i, c in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(c, 0)
        if c == "|" and depth == 0:
            options.append(inside[begun:i])
            begun = i + 1
    return [*options, inside[begun:]]
