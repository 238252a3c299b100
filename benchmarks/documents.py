"""What leaves the house: a document of a thousand shots, a contact sheet, a workbook; beside python-docx as its manual has it.

Each is written by a process of its own, from 640-pixel thumbnails as WebP, which are all different.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.cost import most_memory_mb
from benchmarks.figures import APOM, Aim, Figure, Scale, figure

if TYPE_CHECKING:
    from apom.export.sheet import Sheet  # what it brings is measured

MANUAL = "python-docx, as its manual has it"
SHOTS: dict[Scale, tuple[int, int]] = {
    "toy": (6, 4),
    "quick": (1_000, 200),
    "full": (1_000, 200),
}  # ours, beside the manual
TIMES: dict[Scale, int] = {"toy": 1, "quick": 1, "full": 5}
DOCUMENT = Aim(of="cpu_ms", ms=7_000)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PROMPT = "the keeper climbs the spiral stairs, lantern in hand, warm light, 35 mm, film grain, " * 3


def run(scale: Scale) -> list[Figure]:
    """The aim first; then beside others."""
    many, few = SHOTS[scale]
    figures = []
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        draw(Path(name), many)
        for what, who, kind, shots, aim in (
            (f"document, {many} shots", APOM, "docx", many, DOCUMENT),
            (f"document, {few} shots", APOM, "docx", few, None),
            (f"document, {few} shots", MANUAL, "manual", few, None),
            (f"contact sheet, {few} pictures", APOM, "pdf", few, None),
            (f"workbook with pictures, {many} shots", APOM, "xlsx", many, None),
        ):
            told = [written(kind, shots, Path(name)) for _ in range(TIMES[scale])]
            note = f"{max(one['memory_mb'] for one in told):.0f} MB of memory, {told[0]['bytes'] / 1e6:.1f} MB file"
            figures.append(
                figure(
                    what,
                    who,
                    cpu_s=[one["cpu_s"] for one in told],
                    wall_s=[one["wall_s"] for one in told],
                    aim=aim,
                    note=note,
                )
            )
    return figures


def written(kind: str, shots: int, folder: Path) -> dict[str, float]:
    """By a fresh process: cpu_s and wall_s from before the first import of what writes, memory_mb, bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.documents", kind, str(shots), str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def draw(folder: Path, count: int) -> None:
    """Thumbnails as they lie in storage, none like another."""
    from PIL import Image

    from apom.media.images import write_thumb

    for n in range(count):
        noise = Image.effect_noise((64, 36), 90).resize((640, 360), Image.Resampling.BICUBIC)
        grain = Image.blend(noise, Image.effect_noise((640, 360), 40), 0.15)
        write_thumb(
            Image.merge("RGB", (noise, grain, noise.transpose(Image.Transpose.FLIP_TOP_BOTTOM))), folder / f"{n}.webp"
        )


def main(kind: str, count: int, folder: Path) -> None:
    """Writes once and prints what it took."""
    target, write = folder / f"film.{kind}", WAYS[kind]
    started, before = time.perf_counter(), time.process_time()
    write(count, folder, target)
    took = {"cpu_s": time.process_time() - before, "wall_s": time.perf_counter() - started}
    print(json.dumps({**took, "memory_mb": most_memory_mb(os.getpid()), "bytes": target.stat().st_size}))


def docx(count: int, folder: Path, target: Path) -> None:
    """Ours."""
    from apom.export import document

    document.write(_sheet(count, folder), target)


def pdf(count: int, folder: Path, target: Path) -> None:
    """Ours, twelve on a page."""
    from apom.export import contact

    contact.write(_sheet(count, folder), contact.PdfChoice(), target)


def xlsx(count: int, folder: Path, target: Path) -> None:
    """Ours."""
    from apom.export import tables, workbook

    rows = [
        {"code": f"{n:04}", "name": "Harbour", "prompt": PROMPT, "seed": n, "duration_s": 2.5} for n in range(count)
    ]
    pictures = {n: folder / f"{n}.webp" for n in range(count)}
    workbook.write([workbook.Page(title="Shots", columns=tables.SHOTS, rows=rows, pictures=pictures)], target, NOW)


def manual(count: int, folder: Path, target: Path) -> None:
    """A row for each shot, a picture in it: python-docx.readthedocs.io, "Quickstart"."""
    import docx
    from docx.shared import Mm
    from PIL import Image

    document = docx.Document()
    table = document.add_table(rows=1, cols=4)
    for n in range(count):
        row = table.add_row().cells
        row[0].text, row[2].text, row[3].text = f"{n:04} Harbour", PROMPT, "model"
        jpeg = BytesIO()
        Image.open(folder / f"{n}.webp").convert("RGB").save(jpeg, "JPEG")
        row[1].paragraphs[0].add_run().add_picture(jpeg, width=Mm(64))
    document.save(str(target))


def _sheet(count: int, folder: Path) -> Sheet:
    from apom.export.sheet import Sheet, Shot
    from apom.models import Progress, Project, Role

    ids = UUID(int=1)
    project = Project(id=ids, name="Film", created_by=ids, created_at=NOW, updated_at=NOW, role=Role.OWNER)
    shots = [
        Shot(
            code=f"{n:04}",
            name="Harbour",
            progress=Progress.PICKED,
            prompt=PROMPT,
            model="model",
            thumb=folder / f"{n}.webp",
        )
        for n in range(count)
    ]
    return Sheet(project=project, shots=shots, made_at=NOW)


WAYS: dict[str, Callable[[int, Path, Path], None]] = {"docx": docx, "pdf": pdf, "xlsx": xlsx, "manual": manual}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
