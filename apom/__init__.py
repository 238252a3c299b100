"""apom: the production asset manager for people who make films, ads and clips with AI.

In a notebook or a script: `studio = apom.open("some-dir")`, then `ws = studio.login("alice")`; on another machine
`ws = apom.connect(url, token)`. `apom.show` and `apom.save` show and save takes. See docs/notebook.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apom.notebook import connect, save, show
    from apom.notebook import open as open

__version__ = "0.1.0"
__all__ = ["__version__", "connect", "save", "show"]  # without `open`: `from apom import *` leaves Python's own alone
LATER = frozenset(("connect", "open", "save", "show"))


def __getattr__(name: str) -> object:
    """Loads what a notebook needs when it is first asked for, so that `import apom` costs nothing."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from apom import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    """What can be completed, loaded or not."""
    return sorted({*globals(), *LATER})
