"""How much processor time something takes, over all threads, in this process or in others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds that a process and everything it has started have used so far.

    Of those that live to the nanosecond, by the clock of another process: clock_getcpuclockid(3), as the kernel builds it
    (MAKE_PROCESS_CPUCLOCK, CPUCLOCK_SCHED). Of those that have ended to the hundredth of a second, by proc_pid_stat(5).
    """
    used = 0.0
    with suppress(ProcessLookupError, FileNotFoundError, OSError):  # it ended just now: its parent has its time
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        used += (int(stat[13]) + int(stat[14])) / TICKS_PER_S
        used += time.clock_gettime((~pid << 3) | 2)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        used += sum(cpu_s(int(child)) for child in children)
    return used


def most_memory_mb(pid: int) -> float:
    """The most memory that a process has had at once (VmHWM, proc_pid_status(5)), in MB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def of_calls(act: Callable[[], object], times: int, pid: int | None = None) -> tuple[list[float], list[float]]:
    """Does it so often: seconds of CPU of this process (and of `pid` with its own), seconds until it was done; each time."""

    def used() -> float:
        return time.process_time() + (0.0 if pid is None else cpu_s(pid))

    cpu, wall = [], []
    for _ in range(times):
        started, before = time.perf_counter(), used()
        act()
        cpu.append(used() - before)
        wall.append(time.perf_counter() - started)
    return cpu, wall
