"""The server that runs on a data folder of this machine, if one does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from apom import runfile
from apom.client.operator import OperatorClient
from apom.errors import ApomError
from apom.models import Health


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs on the data folder and has just answered."""

    url: str
    health: Health
    operator: OperatorClient


def running(data_dir: Path) -> Server | None:
    """The server of this data folder; None when none answers to our token.

    One that was killed leaves its run.json behind, and another program may have come to its port.
    """
    run = runfile.read(data_dir)
    if run is None:
        return None
    operator = OperatorClient(run.url, run.token)
    try:
        return Server(url=run.url, health=operator.health(), operator=operator)
    except (ApomError, ValidationError):
        return None
