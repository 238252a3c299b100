"""What a benchmark finds, and the table of it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil
from statistics import median
from typing import Literal, TypeAlias

Scale: TypeAlias = Literal["toy", "quick", "full"]  # toy: only to see that it runs
APOM = "apom"
LIBRARIES = ("streamlit", "duckdb", "httpx", "aiohttp", "pydantic", "pillow")
HEAD = ("what", "who", "CPU ms", "× apom", "p50 ms", "p99 ms", "n", "aim", "")


@dataclass(frozen=True, kw_only=True)
class Aim:
    """At most so many ms of `of`."""

    of: Literal["cpu_ms", "p50_ms", "p99_ms"]
    ms: float


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one thing costs one of those who do it, per time it is done. All in ms.

    `cpu_ms`: of every thread of the processes that do it, None where it says nothing. `p50_ms`, `p99_ms`: until it is done,
    None where nobody waits. `n`: how often it was done. `note`: what else there is to know.
    """

    what: str
    who: str = APOM
    cpu_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    n: int
    aim: Aim | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is; None without one."""
        if self.aim is None:
            return None
        found: float | None = getattr(self, self.aim.of)
        return found is not None and found <= self.aim.ms


def percentile(sample: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the sample does not exceed."""
    return sorted(sample)[max(0, ceil(len(sample) * share) - 1)]


def figure(
    what: str,
    who: str = APOM,
    *,
    cpu_s: Sequence[float] = (),
    wall_s: Sequence[float] = (),
    n: int | None = None,
    aim: Aim | None = None,
    note: str = "",
) -> Figure:
    """From samples in seconds: the median of the CPU, the median and the 99th percentile of the time it took."""
    return Figure(
        what=what,
        who=who,
        cpu_ms=median(cpu_s) * 1000 if cpu_s else None,
        p50_ms=median(wall_s) * 1000 if wall_s else None,
        p99_ms=percentile(wall_s, 0.99) * 1000 if wall_s else None,
        n=n if n is not None else max(len(cpu_s), len(wall_s)),
        aim=aim,
        note=note,
    )


def together(figures: Sequence[Figure]) -> list[Figure]:
    """Those of one thing beside each other, apom's first."""
    order = [figure.what for figure in figures]
    return sorted(figures, key=lambda figure: (order.index(figure.what), figure.who != APOM))


def machine() -> str:
    """Where and when this is: a line to stand above the figures."""
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{at} · {processor()}, {os.cpu_count()} cores · load {load} · Python {platform.python_version()}, {libraries}"
    )


def processor() -> str:
    """What the machine calls its processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(figures: Sequence[Figure]) -> str:
    """In Markdown, so that it can be read here and pasted into the documents."""
    rows = [HEAD, *(_row(figure, figures) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["| " + " | ".join(_padded(cell, i, widths[i]) for i, cell in enumerate(row)) + " |" for row in rows]
    rule = (
        "|" + "|".join("-" * (width + 1) + ("-" if i in (0, 1, 7, 8) else ":") for i, width in enumerate(widths)) + "|"
    )
    return "\n".join([lines[0], rule, *lines[1:]])


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """For programs."""
    return [{**asdict(figure), "is_met": figure.is_met} for figure in figures]


def _padded(cell: str, column: int, width: int) -> str:
    return cell.ljust(width) if column in (0, 1, 7, 8) else cell.rjust(width)


def _row(figure: Figure, figures: Sequence[Figure]) -> tuple[str, ...]:
    times = (_number(ms) for ms in (figure.p50_ms, figure.p99_ms))
    return (
        figure.what,
        figure.who,
        _number(figure.cpu_ms),
        _ratio(figure, figures),
        *times,
        str(figure.n),
        _aim(figure),
        figure.note,
    )


def _ratio(figure: Figure, figures: Sequence[Figure]) -> str:
    """Of CPU, or of time where there is no CPU."""
    ours = next((other for other in figures if other.what == figure.what and other.who == APOM), None)
    if ours is None or figure.who == APOM:
        return ""
    for theirs, mine in ((figure.cpu_ms, ours.cpu_ms), (figure.p50_ms, ours.p50_ms)):
        if theirs is not None and mine:
            return f"{theirs / mine:.2g}"
    return ""


def _aim(figure: Figure) -> str:
    if figure.aim is None:
        return ""
    kind = {"cpu_ms": "CPU", "p50_ms": "p50", "p99_ms": "p99"}[figure.aim.of]
    return f"{kind} ≤ {figure.aim.ms:g}: {'met' if figure.is_met else 'MISSED'}"


def _number(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}"
