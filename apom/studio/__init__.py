"""The process and the three doors into it.

`Studio` wires store, media, catalog and engine, one per process. It hands out `Workspace(actor)`, what one person may do,
`Review(token)`, what one link may do, and `Operator()`, what the command line may do. Pages, REST, sockets, media routes and
scripts are thin faces on these.
"""

from apom.asking import DEFAULT_IMAGE, DEFAULT_VIDEO, Wanted, id_of, parts_of
from apom.studio.house import Studio, current, set_current, utc_now
from apom.studio.operator import TRIALS, Operator
from apom.studio.review import Review
from apom.studio.workspace import Workspace
from apom.studio.workspace.hearing import webhook_template

__all__ = [
    "DEFAULT_IMAGE",
    "DEFAULT_VIDEO",
    "TRIALS",
    "Operator",
    "Review",
    "Studio",
    "Wanted",
    "Workspace",
    "current",
    "id_of",
    "parts_of",
    "set_current",
    "utc_now",
    "webhook_template",
]
