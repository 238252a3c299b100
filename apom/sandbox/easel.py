"""Draws what is wanted, one file after another, in a thread of its own."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from apom.sandbox.order import EDIT, SIZES, VIDEO, Order

log = logging.getLogger(__name__)


class Easel:
    """`spoilt` is told of a file that could not be drawn.

    Only the file that is being drawn lies with the thread pool, which is waited for when the process ends; the others
    wait here and are forgotten then, and wanted again after the next start.
    """

    def __init__(self, files: Path, spoilt: Callable[[str], None]) -> None:
        self._files = files
        self._spoilt = spoilt
        self._lock = threading.Lock()
        self._wanted: dict[str, tuple[Order, int]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-easel")

    def want(self, file: str, order: Order, seed: int) -> None:
        """Has the file drawn, soon; wanting it again while it waits changes nothing."""
        with self._lock:
            if file not in self._wanted:
                self._wanted[file] = order, seed
                if len(self._wanted) == 1:
                    self._start()

    def _start(self) -> None:
        with suppress(RuntimeError):  # the process ends
            self._thread.submit(self._next)

    def _next(self) -> None:
        with self._lock:
            file, (order, seed) = next(iter(self._wanted.items()))
        part = self._files / f"{file}.{secrets.token_hex(4)}.part"  # a process that is ending may still draw the same
        try:
            if not (self._files / file).exists():
                draw(order, seed, self._files, part)
                os.replace(part, self._files / file)
        except Exception:  # whatever Pillow or FFmpeg say of a source that is none
            log.exception("The sandbox could not draw %s.", file)
            self._spoilt(file)
        finally:
            with self._lock:
                del self._wanted[file]
                if self._wanted:
                    self._start()


def draw(order: Order, seed: int, files: Path, target: Path) -> None:
    """The picture as PNG, or the clip as MP4, on disk when it returns. Raises OSError and what Pillow and PyAV raise."""
    from apom.sandbox.motion import animate, opened
    from apom.sandbox.painter import paint
    from apom.sandbox.retouch import retouched

    if order.model == VIDEO:
        picture = opened(files / order.source)
        animate(picture, target, seconds=order.duration, seed=seed, size=nearest_size(picture.size))
    else:
        picture = (
            retouched(opened(files / order.source), order.prompt, seed, order.model)
            if order.model == EDIT
            else paint(order.prompt, seed, order.size, order.model)
        )
        picture.save(target, "PNG", compress_level=3)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def nearest_size(picture: tuple[int, int]) -> tuple[int, int]:
    """The clip's size: that of the aspect ratio which fits the picture best."""
    shape = picture[0] / picture[1]
    return min(SIZES.values(), key=lambda size: max(shape * size[1] / size[0], size[0] / size[1] / shape))
