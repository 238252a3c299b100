"""The IPython around us, if there is one. It is not a requirement: who runs in it has it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import DisplayHandle


def shell() -> InteractiveShell | None:
    """The running shell, None in a plain Python."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    found: InteractiveShell | None = get_ipython()
    return found


def kernel_shell() -> InteractiveShell | None:
    """The shell of a notebook, None in a terminal."""
    found = shell()
    return found if hasattr(found, "kernel") else None


def draw_as_html(kinds: tuple[type, ...], draw: Callable[[Any], str | None]) -> None:
    """From now on values of these types are drawn by `draw` wherever HTML is shown; None leaves them as they were."""

    def drawn(value: Any) -> str | None:
        html = draw(value)
        own = getattr(type(value), "_repr_html_", None) if html is None else None  # somebody else's kind of list
        return own(value) if own else html

    found = shell()
    if found is not None and found.display_formatter is not None:
        for kind in kinds:
            found.display_formatter.formatters["text/html"].for_type(kind, drawn)


class Output:
    """A place below the cell that can be drawn anew."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None
        self._drawn = ""

    def draw(self, html: str, text: str) -> None:
        """Puts `html` there, `text` where no HTML is shown; the same again is not sent."""
        from IPython.display import display

        if html == self._drawn:
            return
        self._drawn = html
        bundle = {"text/html": html, "text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
