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


def orders(
    count: int, per_s: float, name: str = "take", *, takes_s: tuple[float, float] = (SHORTEST_S, LONGEST_S)
) -> Iterator[Order]:
    """At an even pace; no two prompts of a name are alike. `takes_s`: at least and at most."""
    chance = random.Random(7)
    for i in range(count):
        took_s = round(chance.uniform(*takes_s), 2)
        yield Order(prompt=f"harbour at dawn, {name} {i} [{took_s:.2f} s]", at_s=i / per_s, takes_s=took_s)
