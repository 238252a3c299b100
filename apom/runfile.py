"""`data/run.json`: where the running server is, and the token that opens the operator's routes. Only its owner reads it."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "run.json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A running server: its address, its process, and the operator's token, new at every start."""

    url: str
    pid: int
    token: str


def write(data_dir: Path, url: str) -> Run:
    """Says that this process serves at `url`; the file is readable by its owner alone from the first byte on."""
    run = Run(url=url, pid=os.getpid(), token="apom_op_" + secrets.token_urlsafe(32))
    part = data_dir / f"{NAME}.part"
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(run), file)
    os.replace(part, data_dir / NAME)
    return run


def read(data_dir: Path) -> Run | None:
    """The server that wrote it last, None without one; it may have ended since."""
    try:
        run = Run(**json.loads((data_dir / NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return run if isinstance(run.url, str) and isinstance(run.token, str) and run.url.startswith("http://") else None


def remove(data_dir: Path, run: Run) -> None:
    """The server has ended; another's file is left alone."""
    if read(data_dir) == run:
        (data_dir / NAME).unlink(missing_ok=True)
