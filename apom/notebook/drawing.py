"""Records below a cell: when `show` is asked, and by themselves in a notebook."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar, cast

from markupsafe import Markup

from apom.errors import Invalid
from apom.models import Box, Page, Project, Record, Rows, Take
from apom.notebook import cards
from apom.notebook.ipython import draw_as_html
from apom.notebook.pictures import AnyWorkspace, Pictures
from apom.words import _, language

T = TypeVar("T")

_inside: list[AnyWorkspace] = []  # who has signed in, the latest first


class Shown:
    """HTML that stands by itself: its pictures are in it. As the last value of a cell it is drawn; `str()` is the HTML."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html

    def __str__(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return f"<{len(self._html)} characters of HTML>"


def came_in(workspace: AnyWorkspace) -> None:
    """Somebody has signed in: their records are drawn from now on, with what they may see."""
    _inside.insert(0, workspace)
    draw_as_html((Take, Box, Project, Page, list, tuple), _html)


def went_out(workspace: AnyWorkspace) -> None:
    """Is no longer asked for pictures."""
    _inside.remove(workspace)


def speak() -> None:
    """From here on in the language of whoever signed in last."""
    if _inside:
        language.set(_inside[0].actor.language)


def show(thing: object) -> Shown:
    """A take as picture or player, takes as a contact sheet, shots and projects by their covers, other lists as tables.

    At most 8 MB of pictures and clips go into one output. Raises Invalid for what cannot be shown.
    """
    html = _html(thing)
    if html is None:
        raise Invalid("Takes, shots, projects and lists of them can be shown, this cannot.")
    return Shown(html)


def save(takes: Take | Iterable[Take], folder: str | Path = ".") -> tuple[Path, ...]:
    """Copies the originals into a folder, which is made when it is missing: `{shot}-{number}-{id}.{ext}`.

    Raises NotFound for a take without a file, Unavailable when it cannot be written.
    """
    pictures = Pictures(_inside)
    return tuple(pictures.save(take, Path(folder)) for take in ([takes] if isinstance(takes, Take) else takes))


def _html(thing: object) -> str | None:
    """None for what is left to the notebook."""
    speak()
    pictures = Pictures(_inside)
    content = _content(thing, pictures)
    if content is None:
        return None
    more = [_("There are more: ask again with cursor=page.next")] if isinstance(thing, Page) and thing.next else []
    return str(cards.page(content, pictures, *more))


def _content(thing: object, pictures: Pictures) -> Markup | None:
    if isinstance(thing, Take):
        return cards.take_card(thing, pictures)
    if isinstance(thing, Box | Project):
        return _tiles((thing,), pictures)
    rows = thing.items if isinstance(thing, Page) else thing
    if not isinstance(rows, list | tuple):
        return None
    tiles = _tiles(rows, pictures)
    return _table(thing) if tiles is None and isinstance(thing, Page | Rows) else tiles


def _tiles(rows: Sequence[object], pictures: Pictures) -> Markup | None:
    """Records of one kind that has pictures, side by side; None for all others."""
    takes, boxes, projects = _all(Take, rows), _all(Box, rows), _all(Project, rows)
    if not (takes or boxes or projects):
        return None
    covers = pictures.covers(projects) if projects else {}
    codes = pictures.codes(takes) if len({take.box_id for take in takes}) > 1 else {}
    return cards.sheet(
        [
            *(cards.take_tile(take, pictures, codes.get(take.box_id, "")) for take in takes),
            *(cards.box_tile(box, pictures) for box in boxes),
            *(cards.project_tile(project, covers.get(project.id, []), pictures) for project in projects),
        ]
    )


def _all(kind: type[T], rows: Sequence[object]) -> list[T]:
    """The rows when they are all of this kind, none otherwise; a long list of something else is not gone through."""
    found = list(itertools.takewhile(lambda row: isinstance(row, kind), rows))
    return cast(list[T], found) if len(found) == len(rows) else []


def _table(rows: Page[Record] | Rows[Record]) -> Markup:
    if not (rows.items if isinstance(rows, Page) else rows):
        return cards.nothing()
    return Markup(rows.df().to_html(notebook=True))  # noqa: S704  (pandas escapes what is in the cells)
