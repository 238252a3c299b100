"""The one runner: what is asked for, one after the other, and a table of each."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.figures import Figure, Scale, as_json, machine, table

NAMES = ("imports", "listing", "rerun", "latency", "load", "thumbnails", "documents", "review", "retention", "large")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs, prints, and writes the file that was asked for."""
    asked = _parser().parse_args(arguments)
    scale: Scale = "quick" if asked.quick else "full"
    print(machine(), flush=True)
    found = {name: measured(name, scale) for name in asked.names or NAMES}
    if asked.json:
        written = {
            "machine": machine(),
            "scale": scale,
            "figures": {name: as_json(them) for name, them in found.items()},
        }
        asked.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")


def measured(name: str, scale: Scale) -> list[Figure]:
    """One benchmark, and its table on the screen."""
    started = time.monotonic()
    figures: list[Figure] = import_module(f"benchmarks.{name}").run(scale)
    print(f"\n## {name}\n{table(figures)}\n\n{time.monotonic() - started:.0f} s", flush=True)
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "benchmarks", description="What apom costs, beside what others cost. See docs/benchmarks.md."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)}; all without any")
    parser.add_argument(
        "--quick", action="store_true", help="fewer repetitions: a quarter of an hour instead of an hour and a quarter"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


if __name__ == "__main__":
    main()
