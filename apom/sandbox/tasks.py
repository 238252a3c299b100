"""The sandbox's memory: one small file per task, so that a restart, or a kill, forgets and doubles nothing."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import JsonValue

from apom.sandbox.easel import Easel
from apom.sandbox.order import PRICES, Order, Refusal, read

log = logging.getLogger(__name__)

BALANCE = 100_000.0  # play credits at the beginning
FILE = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|webp|mp4)")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A submission that was accepted.

    `at`: seconds since 1970; `takes_s`: how long it takes at least; `fault`: why it fails in the end, "" if it does not;
    `client_id`: the customer's own id for it; `is_cancelled`: it was taken back.
    """

    id: str
    model: str
    input: dict[str, JsonValue]
    price: float
    at: float
    takes_s: float
    fault: str = ""
    client_id: str = ""
    is_cancelled: bool = False

    @property
    def order(self) -> Order:
        """What is drawn."""
        return read(self.model, self.input)

    @property
    def file(self) -> str:
        """The result's name."""
        return f"{self.id}.{self.order.ending}"

    @property
    def seed(self) -> int:
        """The seed that was asked for, or one of its own."""
        return int(self.id[:7], 16) if self.order.seed is None else self.order.seed

    @property
    def cost(self) -> float:
        """Play credits: what fails or is taken back costs nothing."""
        return 0.0 if self.fault or self.is_cancelled else self.price


class Tasks:
    """Accepts tasks, has them drawn, and says how far they are. Everything here may block: call it from a thread."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.files = folder / "files"
        self._records = folder / "tasks"
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Task] | None = None  # read when first asked for: starting stays quick
        self._easel = Easel(self.files, self._spoilt)
        for path in (self.files, self._records):
            path.mkdir(parents=True, exist_ok=True)

    def accept(
        self, model: str, given: dict[str, JsonValue], *, takes_s: float, fail_rate: float = 0.0, client_id: str = ""
    ) -> Task:
        """A new task, on disk when this returns. Raises Refusal 402 when the play credits do not reach."""
        task_id = uuid.uuid4().hex
        is_doomed = "[fail]" in str(given.get("prompt")) or int(task_id[:8], 16) / 2**32 < fail_rate
        task = Task(
            id=task_id,
            model=model,
            input=given,
            price=PRICES[model],
            at=self._clock(),
            takes_s=takes_s,
            fault="The generation failed, as it was asked to" if is_doomed else "",
            client_id=client_id,
        )
        with self._lock:
            if self._balance() < task.cost:
                raise Refusal(402, "Insufficient credits")
            self._write(task)
        self._want(task)
        return task

    def find(self, task_id: str) -> Task | None:
        """A task by its id."""
        with self._lock:
            return self._all().get(task_id)

    def of_client(self, client_id: str) -> Task | None:
        """The first task with the customer's own id."""
        with self._lock:
            return next((task for task in self._all().values() if task.client_id == client_id != ""), None)

    def cancel(self, task_id: str) -> bool:
        """Takes a task back; False when it is over or is not there."""
        with self._lock:
            task = self._all().get(task_id)
            if task is None or self.state(task) in ("success", "fail"):
                return False
            self._write(replace(task, is_cancelled=True))
            return True

    def balance(self) -> float:
        """What is left of the play credits."""
        with self._lock:
            return self._balance()

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state; together they are every createTask that was ever accepted."""
        with self._lock:
            tasks = list(self._all().values())
        return dict(Counter(self.state(task) for task in tasks))

    def uploads(self) -> int:
        """How many files were sent in."""
        with self._lock:
            made = {task.file for task in self._all().values()}
            return sum(FILE.fullmatch(path.name) is not None and path.name not in made for path in self.files.iterdir())

    def state(self, task: Task) -> str:
        """waiting, queuing, generating, success, fail: by the time passed and whether it is drawn. Or cancelled."""
        if task.is_cancelled:
            return "cancelled"
        part = (self._clock() - task.at) / task.takes_s if task.takes_s > 0 else 1.0
        is_drawn = bool(task.fault) or (self.files / task.file).exists()
        if not is_drawn:
            self._want(task)  # after a restart nobody draws it yet
        if part < 0.15:
            return "waiting"
        if part < 0.3:
            return "queuing"
        if part < 1 or not is_drawn:
            return "generating"
        return "fail" if task.fault else "success"

    def done_at(self, task: Task) -> float:
        """When a task that is over was over, in seconds since 1970."""
        path = self.files / task.file
        drawn_at = path.stat().st_mtime if path.exists() else task.at
        return max(drawn_at, task.at + task.takes_s)

    def keep(self, content: bytes, ending: str) -> str:
        """An uploaded file, under a name of our own."""
        name = f"{uuid.uuid4().hex}.{ending}"
        write(self.files / name, content)
        return name

    def path(self, name: str) -> Path | None:
        """An uploaded file or a result; None for every other name."""
        path = self.files / name
        return path if FILE.fullmatch(name) and path.is_file() else None

    def _all(self) -> dict[str, Task]:
        if self._known is None:
            found = (_read(path) for path in sorted(self._records.glob("*.json")))
            self._known = {task.id: task for task in found if task}
        return self._known

    def _balance(self) -> float:
        return BALANCE - sum(task.cost for task in self._all().values())

    def _write(self, task: Task) -> None:
        known = self._all()  # before the file is there, or it would be found as well
        write(self._records / f"{task.id}.json", json.dumps(asdict(task)).encode("ascii"))
        known[task.id] = task

    def _want(self, task: Task) -> None:
        if not task.fault:
            self._easel.want(task.file, task.order, task.seed)

    def _spoilt(self, file: str) -> None:
        """What could not be drawn fails for good, so that nobody waits for it."""
        with self._lock:
            task = self._all()[Path(file).stem]
            self._write(replace(task, fault="The result could not be drawn: is the source a picture?"))


def _read(path: Path) -> Task | None:
    try:
        task = Task(**json.loads(path.read_bytes()))
        read(task.model, task.input)
    except (ValueError, TypeError, Refusal):
        log.warning("%s is not a task of this sandbox and is left alone.", path)
        return None
    return task


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on disk when it returns."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
