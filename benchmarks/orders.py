"""The load: who orders what when. The same for everybody."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

SHORT = (1.0, 3.0)  # seconds; a fixed time would be in step with somebody's polls, or out of it
LONG = (5.0, 15.0)
WARM_UP = 4  # takes before the first that counts: modules are loaded, the model's median is known


@dataclass(frozen=True, kw_only=True)
class Order:
    """A prompt, when it is ordered (seconds from the start), and how long the provider takes for it."""

    prompt: str
    at_s: float
    takes_s: float


def orders(count: int, per_s: float, name: str = "take", *, takes_s: tuple[float, float] = SHORT) -> Iterator[Order]:
    """At an even pace; no two prompts of a name are alike. `takes_s`: at least and at most."""
    chance = random.Random(7)
    for i in range(count):
        took_s = round(chance.uniform(*takes_s), 2)
        yield Order(prompt=f"harbour at dawn, {name} {i} [{took_s:.2f} s]", at_s=i / per_s, takes_s=took_s)


def prompts_of(count: int, takes_s: tuple[float, float] = LONG, name: str = "take") -> list[str]:
    """Prompts that are ordered at once."""
    return [order.prompt for order in orders(count, math.inf, name, takes_s=takes_s)]
