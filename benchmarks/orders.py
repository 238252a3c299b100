"""The load: who orders what when. The same for everybody."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

SHORTEST_S, LONGEST_S = 1.0, 3.0  # a fixed time would be in step with somebody's polls, or out of it


@dataclass(frozen=True, kw_only=True)
class Order:
    """A prompt, when it is ordered (seconds from the start), and how long the provider takes for it."""

    prompt: str
    at_s: float
    takes_s: float


def orders(count: int, per_s: float, name: str = "take") -> Iterator[Order]:
    """At an even pace; no two prompts of a name are alike."""
    chance = random.Random(7)
    for i in range(count):
        takes_s = round(chance.uniform(SHORTEST_S, LONGEST_S), 2)
        yield Order(prompt=f"harbour at dawn, {name} {i} [{takes_s:.2f} s]", at_s=i / per_s, takes_s=takes_s)
