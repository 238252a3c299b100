"""One life of a studio: store, media and engine, no dashboard; the same code as in the server, started in a second.

`python -m apom.testing.alone DIR --sandbox URL --takes 60`: alice orders takes until there are so many, and it ends when
all of them are at rest, or by SIGTERM. Orders carry a token each, so a life that follows a crash goes on with the same.
"""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apom import steps
from apom.config import Settings
from apom.engine import worker
from apom.models import Actor, Box, User, new_id
from apom.providers.client import Client
from apom.store import generations, users
from apom.studio import Studio, Workspace
from apom.testing import crashes, offer

AT_ONCE = 16
LOOK_S = 0.05


def main() -> None:
    """Says "life begins" when the engine runs, "ordered" with the ids of what was acknowledged, and "rests" in the end."""
    chosen = _arguments()
    logging.basicConfig(level=logging.CRITICAL if chosen.quiet else logging.INFO)
    hurry(chosen.pace)
    if chosen.crash:
        crashes.arm(crashes.POINTS[chosen.crash], chosen.nth)
    end = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    settings = Settings(data_dir=chosen.folder, sandbox_url=chosen.sandbox)
    with Studio.open(settings) as studio:
        offer(studio, lambda file: _manners(file, is_asked=chosen.lookup))
        print("life begins", flush=True)
        box = _box(studio.workspace(_alice(studio)))
        _order(studio.workspace(_alice(studio)), box, chosen.takes)
        while not end.wait(LOOK_S) and _is_at_work(studio):
            pass
        print("rests", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="apom.testing.alone", description="A studio with its engine and no dashboard."
    )
    parser.add_argument("folder", type=Path, help="its data folder")
    parser.add_argument("--sandbox", required=True, help="where the provider is")
    parser.add_argument("--takes", type=int, default=AT_ONCE, help="how many alice orders")
    parser.add_argument("--pace", type=float, default=1.0, help="waits for a provider, as a share of the real ones")
    parser.add_argument("--no-lookup", dest="lookup", action="store_false", help="the provider cannot be asked")
    parser.add_argument("--crash", choices=sorted(crashes.POINTS), help="end there as by SIGKILL")
    parser.add_argument("--nth", type=int, default=1, help="at the so manieth passing of that point")
    parser.add_argument("--loud", dest="quiet", action="store_false", help="log what the engine says")
    return parser.parse_args()


def hurry(pace: float, put: Callable[[object, str, object], None] = setattr) -> None:
    """Shortens time-outs, the lease of a submission, and how soon the provider's "no" is believed, and keeps their order.

    `put`: pytest's monkeypatch.setattr, to have it undone.
    """
    defaults, timeout_of = Client.__init__.__kwdefaults__, Client.timeout_of
    assert defaults is not None, "time-outs are keywords"
    put(Client.__init__, "__kwdefaults__", {**defaults, "timeout_s": defaults["timeout_s"] * pace})
    put(Client, "timeout_of", lambda client, model: timeout_of(client, model) * pace)
    put(worker, "LEASE_MARGIN_S", worker.LEASE_MARGIN_S * pace)
    put(steps, "LEASE_S", steps.LEASE_S * pace)
    put(steps, "PROVEN_S", steps.PROVEN_S * pace)


def _manners(file: dict[str, Any], *, is_asked: bool) -> None:
    """Six at the provider at once, as in the trials of others that ours are compared with."""
    file["limits"].update(concurrent=6, submit={"count": 400, "per_s": 10}, poll={"count": 1000, "per_s": 10})
    file["poll"].update(every_s=0.2, max_every_s=1)
    if not is_asked:
        del file["submit"]["lookup"]


def _alice(studio: Studio) -> Actor:
    now = datetime.now(UTC)
    with studio._store.write() as tx:
        user = users.named(tx, "alice")
        if user is None:
            user = User(id=new_id(), username="alice", created_at=now, updated_at=now)
            users.insert(tx, user, "no password fits this")
    return Actor(user_id=user.id, username=user.username)


def _box(alice: Workspace) -> Box:
    projects = alice.projects().items
    project = projects[0] if projects else alice.create_project("P")
    boxes = alice.get_project_boxes(project)
    return boxes[0] if boxes else alice.create_box(project, "one")


def _order(alice: Workspace, box: Box, count: int) -> None:
    for at in range(0, count, AT_ONCE):
        takes = alice.generate(box, f"harbour {at}", n=min(AT_ONCE, count - at), token=f"order-number-{at}")
        print("ordered", *(take.id for take in takes), flush=True)


def _is_at_work(studio: Studio) -> bool:
    with studio._store.read() as tx:
        return bool(generations.unfinished(tx))


if __name__ == "__main__":
    main()
