"""How waiting looks: a bar below the cell or in the terminal, and what became of takes that did not arrive."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from markupsafe import Markup

from apom.models import OPEN_STATUSES, Status, Take
from apom.notebook.ipython import Output, kernel_shell
from apom.waiting import OnChange
from apom.words import STATUS_WORDS, _, plural

TROUBLED = (Status.ATTENTION, Status.FAILED, Status.CANCELLED)


class Bar(Protocol):
    """Where it is drawn."""

    def update(self, takes: Sequence[Take]) -> None: ...
    def say(self, sentence: str) -> None: ...
    def close(self) -> None: ...


@contextmanager
def bar() -> Iterator[OnChange]:
    """A bar for as long as somebody waits. Whoever interrupts is told that the takes go on, and is not held up."""
    drawn: Bar = CellBar() if kernel_shell() else TerminalBar()
    try:
        yield drawn.update
    except KeyboardInterrupt:
        drawn.say(_("You stopped waiting. The takes go on by themselves: wait again, or look later."))
        raise
    finally:
        drawn.close()


def summary(takes: Sequence[Take]) -> str:
    """How many are how: "4 takes: 3 ready · 1 working"."""
    counts = Counter(take.status for take in takes)
    parts = [f"{counts[status]} {_(word).lower()}" for status, word in STATUS_WORDS.items() if counts[status]]
    return ": ".join(filter(None, [plural("{n} take", "{n} takes", len(takes)), " · ".join(parts)]))


def troubles(takes: Sequence[Take]) -> list[str]:
    """One line for each take that is not on its way and did not arrive, with the reason."""
    return [
        " · ".join(filter(None, (_("Take {n}", n=take.number), _(STATUS_WORDS[take.status]), take.error_message)))
        for take in takes
        if take.status in TROUBLED
    ]


def arrived(takes: Sequence[Take]) -> int:
    """How many are no longer on their way."""
    return sum(take.status not in OPEN_STATUSES for take in takes)


class CellBar:
    """Below the cell, drawn anew in place: needs no widgets, and stays readable in a saved notebook."""

    HTML = Markup(
        '<div style="font:13px/1.5 system-ui,sans-serif"><progress value="{done}" max="{all}" style="width:16em;'
        'vertical-align:middle;accent-color:#7c88f5"></progress>&ensp;{summary}{elapsed}{lines}</div>'
    )
    LINE = Markup("<div>{}</div>")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._output = Output()
        self._takes: Sequence[Take] = ()
        self._said: list[str] = []

    def update(self, takes: Sequence[Take]) -> None:
        """Draws how they are."""
        self._takes = takes
        self._draw()

    def say(self, sentence: str) -> None:
        """A sentence below the bar, for good."""
        self._said.append(sentence)
        self._draw()

    def close(self) -> None:
        """It stays as it is."""

    def _draw(self) -> None:
        self._output.draw(self._html(), summary(self._takes))

    def _html(self) -> str:
        lines = [*troubles(self._takes), *self._said]
        return str(
            self.HTML.format(
                done=arrived(self._takes),
                all=max(1, len(self._takes)),
                summary=summary(self._takes),
                elapsed=f" · {time.monotonic() - self._began:.0f} s",
                lines=Markup("").join(self.LINE.format(line) for line in lines),
            )
        )


class TerminalBar:
    """On standard error, as long as that is a terminal; what went wrong is said in any case."""

    def __init__(self) -> None:
        from tqdm import tqdm

        self._bar = tqdm(unit="take", disable=None, file=sys.stderr, bar_format="{l_bar}{bar}| {elapsed}{postfix}")
        self._told: set[str] = set()

    def update(self, takes: Sequence[Take]) -> None:
        """Draws how they are."""
        for line in troubles(takes):
            self.say(line)
        self._bar.total, self._bar.n = len(takes), arrived(takes)
        self._bar.set_postfix_str(summary(takes))

    def say(self, sentence: str) -> None:
        """A line above the bar, once."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._bar.write(sentence, file=sys.stderr)

    def close(self) -> None:
        """It stays as it is."""
        self._bar.close()
