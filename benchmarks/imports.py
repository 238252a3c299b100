"""What `import apom` costs a fresh interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from benchmarks.figures import APOM, Aim, Figure, Scale, figure

TIMES = {"toy": 2, "quick": 7, "full": 20}
HEAVY = "streamlit pandas boto3 duckdb numpy PIL av httpx fastapi apscheduler argon2 pydantic".split()
AIM = Aim(of="cpu_ms", ms=150)
ASKED = (  # what, who, the code, the aim
    ("import apom", APOM, "import apom", AIM),
    ("import apom", "httpx", "import httpx", None),
    ("import apom", "the interpreter alone", "pass", None),
    ("apom.open, not called yet", APOM, "import apom; apom.open", None),
)


def run(scale: Scale) -> list[Figure]:
    """By turns, so that a busy moment of the machine meets them all."""
    costs: dict[str, list[tuple[float, float]]] = {code: [] for _, _, code, _ in ASKED}
    for code in costs:
        of_interpreter(code)  # the first time writes the bytecode
    for _ in range(TIMES[scale]):
        for code, samples in costs.items():
            samples.append(of_interpreter(code))
    return [
        figure(
            what,
            who,
            cpu_s=[cpu_s for cpu_s, _ in costs[code]],
            wall_s=[wall_s for _, wall_s in costs[code]],
            aim=aim,
            note=f"brings {', '.join(heavy(code)) or 'nothing heavy'}",
        )
        for what, who, code, aim in ASKED
    ]


def of_interpreter(code: str) -> tuple[float, float]:
    """Seconds of CPU and seconds in all of `python -c code`."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"python -c {code!r} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started


def heavy(code: str) -> list[str]:
    """Which heavy modules are loaded after it."""
    ask = f"{code}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.split()
