"""A moment of a clip becomes a take of its own."""

import pytest
from conftest import let_in, person
from engine_room import until

from apom import stills
from apom.errors import Invalid, NotAllowed, NotFound
from apom.models import AssetType, InputRole, Role, SourceType, Status, Take
from apom.studio import Studio, Workspace


def clip_of(ws: Workspace) -> Take:
    """A finished clip in the first of two shots."""
    project = ws.create_project("Film")
    box, _ = ws.create_boxes(project, ["One", "Two"])
    picture = ws.generate(box, "a boat")[0]
    until(lambda: ws.asset(picture).status is Status.COMPLETED)
    clip = ws.animate(picture)
    until(lambda: ws.asset(clip).status is Status.COMPLETED)
    return ws.asset(clip)


def test_a_frame_is_a_picture_that_knows_where_it_comes_from(running: Studio):
    alice, bob, victor = (running.workspace(person(running, name)) for name in ("alice", "bob", "victor"))
    clip = clip_of(alice)
    one, two = alice.get_project_boxes(clip.project_id)
    frame = alice.asset(alice.frame(clip, 0.5))
    assert (frame.asset_type, frame.source_type, frame.status) == (
        AssetType.IMAGE,
        SourceType.UPLOADED,
        Status.COMPLETED,
    )
    assert (frame.width, frame.height, frame.mime, frame.box_id) == (clip.width, clip.height, "image/png", one.id)
    assert [(i.source_asset_id, i.role, i.at_s) for i in frame.inputs] == [(clip.id, InputRole.EDIT_SOURCE, 0.5)]
    assert alice.file(frame, str(frame.file_key).rpartition("/")[2])[0].stat().st_size == frame.bytes

    last = alice.asset(alice.frame(clip, box=two))  # what the next shot starts from
    assert (last.box_id, last.inputs[0].at_s, last.number) == (two.id, clip.duration_s, 1)
    assert alice.animate(last).box_id == two.id

    let_in(alice, alice.project(clip.project_id), "victor", Role.VIEWER)
    before = len(alice.get_box_assets(one).items)
    with pytest.raises(NotFound):
        bob.frame(clip)
    with pytest.raises(NotAllowed):
        victor.frame(clip)
    with pytest.raises(Invalid, match="Choose a moment"):
        alice.frame(clip, 99)
    with pytest.raises(Invalid, match="only clips"):
        alice.frame(frame)
    with pytest.raises(Invalid, match="own project"):
        alice.frame(clip, box=alice.create_box(alice.create_project("Other"), "One"))
    assert len(alice.get_box_assets(one).items) == before


def test_a_row_that_cannot_be_written_leaves_no_file(running: Studio, monkeypatch: pytest.MonkeyPatch):
    alice = running.workspace(person(running, "alice"))
    clip = clip_of(alice)
    before = {stored.key for stored in running.assets._storage.list("")}

    def refuse(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(stills.projects, "touch", refuse)
    with pytest.raises(RuntimeError):
        alice.frame(clip, 0)
    assert {stored.key for stored in running.assets._storage.list("")} == before
