"""The sandbox's memory: one small file per task, so that a restart, or a kill, forgets and doubles nothing."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

log = logging.getLogger("apom.sandbox")

SAFE = re.compile(r"[0-9a-f]{32}(\.[a-z0-9]{2,4})?")
BALANCE = 100_000
SIZES = {
    "16:9": (1280, 720),
    "9:16": (720, 1280),
    "1:1": (960, 960),
    "4:3": (1120, 840),
    "3:4": (840, 1120),
    "21:9": (1512, 648),
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """A submission that was accepted. `at`: seconds since 1970; `takes_s`: how long it will take at least."""

    id: str
    model: str
    input: dict[str, JsonValue]
    price: float
    at: float
    takes_s: float
    ends_badly: bool = False

    @property
    def file(self) -> str:
        """The result's name."""
        return f"{self.id}.{'mp4' if self.model == 'sandbox-video' else 'png'}"


class Tasks:
    """Accepts, draws in threads, and answers how far it is."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.files = folder / "files"
        self._records = folder / "tasks"
        self._clock = clock
        self._lock = threading.Lock()
        self._drawing: set[str] = set()
        self._painters = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._broken: set[str] = set()
        for made in (self.files, self._records):
            made.mkdir(parents=True, exist_ok=True)
        self._spent = sum(task.price for task in self.all())

    def accept(self, model: str, input: dict[str, JsonValue], price: float, takes_s: float, ends_badly: bool) -> Task:
        """A new task, on disk before it is answered."""
        now = self._clock()
        task = Task(
            id=uuid.uuid4().hex, model=model, input=input, price=price, at=now, takes_s=takes_s, ends_badly=ends_badly
        )
        write(self._records / f"{task.id}.json", json.dumps(asdict(task), ensure_ascii=False).encode())
        with self._lock:
            self._spent += price
        self._draw(task)
        return task

    def find(self, task_id: str) -> Task | None:
        """A task by its id."""
        if not SAFE.fullmatch(task_id):
            return None
        try:
            return Task(**json.loads((self._records / f"{task_id}.json").read_text("utf-8")))
        except OSError:
            return None

    def all(self) -> list[Task]:
        """Every task there ever was."""
        return [Task(**json.loads(path.read_text("utf-8"))) for path in self._records.glob("*.json")]

    def balance(self) -> float:
        """What is left of the play credits; when they are gone, there are new ones."""
        return BALANCE - self._spent % BALANCE

    def state(self, task: Task) -> str:
        """waiting, queuing, generating, success or fail: by the time that has passed, and by whether it is drawn."""
        part = (self._clock() - task.at) / task.takes_s if task.takes_s else 1.0
        if part < 0.15:
            return "waiting"
        if part < 0.3:
            return "queuing"
        if part < 1:
            return "generating"
        if task.ends_badly or task.id in self._broken:
            return "fail"
        if (self.files / task.file).exists():
            return "success"
        self._draw(task)
        return "generating"

    def keep(self, content: bytes, ending: str) -> str:
        """An uploaded file, under a name of our own."""
        name = f"{uuid.uuid4().hex}.{ending}"
        write(self.files / name, content)
        return name

    def path(self, name: str) -> Path | None:
        """An uploaded file or a result."""
        path = self.files / name
        return path if SAFE.fullmatch(name) and path.is_file() else None

    def _draw(self, task: Task) -> None:
        with self._lock:
            if task.ends_badly or task.id in self._drawing:
                return
            self._drawing.add(task.id)
        self._painters.submit(self._drawn, task)

    def _drawn(self, task: Task) -> None:
        part = self.files / f"{task.id}.part"
        try:
            draw(task, self.files, part)
            os.replace(part, self.files / task.file)
        except Exception:  # told as a failure, as any provider would
            log.exception("the sandbox could not draw task %s", task.id)
            self._broken.add(task.id)
        finally:
            with self._lock:
                self._drawing.discard(task.id)


def draw(task: Task, files: Path, target: Path) -> None:
    """The task's picture or clip."""
    from PIL import Image

    from apom.sandbox.motion import animate
    from apom.sandbox.painter import paint

    seed = int(str(task.input.get("seed") or 0))
    prompt = str(task.input.get("prompt") or "")
    if task.model == "sandbox-video":
        with Image.open(files / str(task.input["image_url"]).rsplit("/", 1)[-1]) as source:
            picture = source.convert("RGB")
        animate(picture, target, seconds=float(str(task.input["duration"])), seed=seed, size=clip_size(picture.size))
        return
    size = SIZES[str(task.input.get("aspect_ratio") or "16:9")]
    if task.input.get("resolution") == "1080p":
        size = (size[0] * 3 // 2, size[1] * 3 // 2)
    paint(prompt, seed, size).save(target, "PNG", compress_level=3)


def clip_size(source: tuple[int, int]) -> tuple[int, int]:
    """The clip's size for a picture: its shape, 720 on the short side at most, even."""
    scale = min(1.0, 720 / min(source))
    return max(2, int(source[0] * scale) // 2 * 2), max(2, int(source[1] * scale) // 2 * 2)


def write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on disk when it returns."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
