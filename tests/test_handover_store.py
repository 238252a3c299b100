"""What the store says of a cut, and remembers of a hand-over: the same on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conftest import Cast
from media_samples import corner
from test_handover import room, table_of

from apom.export import handover
from apom.export.handover import CutChoice
from apom.models import Visibility, new_id
from apom.store import exporting


def test_takes_comments_and_hand_overs(cast: Cast, tmp_path: Path) -> None:
    alice = cast.alice
    project = alice.create_project("Film", width=160, height=90)
    one, two = alice.create_boxes(project, ["one", "two"])
    corner().save(tmp_path / "a.png")
    corner((100, 50)).save(tmp_path / "b.png")
    first, second = alice.upload(one, tmp_path / "a.png").take, alice.upload(two, tmp_path / "b.png").take
    alice.set_headliner(one, first)
    said = alice.add_comment(first, "softer", visibility=Visibility.CLIENT)
    alice.add_comment(first, "much softer", visibility=Visibility.CLIENT, answers=said)
    alice.add_comment(first, "quietly", visibility=Visibility.INTERNAL)
    hidden = alice.add_comment(first, "rude", visibility=Visibility.CLIENT)
    alice.add_comment(first, "an answer to it", visibility=Visibility.CLIENT, answers=hidden)
    alice.mark_comments([hidden], is_hidden=True)
    with cast.studio._store.read() as tx:
        files = exporting.files(tx, project.id)
        marks = exporting.marks(tx, project.id)
        assert exporting.soundtrack_file(tx, project.id) is None
    assert [(row["id"], row["is_headliner"]) for row in files] == [(first.id, True), (second.id, False)]
    assert {id: [row["text"] for row in rows] for id, rows in marks.items()} == {first.id: ["softer", "much softer"]}
    for n in range(2):
        handover.write(room(cast, project), CutChoice(), tmp_path / f"{n}.zip", lambda share: None)
    assert table_of(tmp_path / "1.zip", "changes.csv") == []
    job: Any = new_id()
    with cast.studio._store.write() as tx:
        for _again in range(2):
            exporting.keep_handover(tx, job, project.id, {"rate": "24"}, alice.actor.user_id, first.created_at)
        assert exporting.last_handover(tx, project.id, new_id()) == (3, {"rate": "24"})
        last = exporting.last_handover(tx, project.id, job)
    assert last is not None
    assert last[0] == 2
    alice.delete_project(project)
