"""A project with a clip and pictures in its first round, for the tests of what a review link shows."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from apom.config import Settings
from apom.models import Box, Role
from apom.studio import Studio, Workspace, utc_now

PASSWORD = "seven tall ships at dawn"
SHOTS = (
    ("Harbour at dawn", "harbour at dawn, fishing boats, soft golden light over the sea"),
    ("The keeper", "portrait of an old lighthouse keeper, sunset, rim light"),
    ("The storm", "storm over the ocean, waves against dark cliffs"),
)


def furnish(data: Path) -> None:
    """alice's film: a clip and two pictures, published; victor looks on, bob is a stranger. `expired.json`: a link that was."""
    settings = Settings(data_dir=data, sandbox_image_s=0.1, sandbox_video_s=0.1)
    with Studio.open(settings) as studio:
        studio.register("alice", PASSWORD)
        for name in ("bob", "victor"):
            studio.operator().add_user(name, PASSWORD)
        alice = signed_in(studio, "alice")
        project = alice.create_project("The lighthouse")
        alice.set_member(project, "victor", Role.VIEWER)
        boxes = alice.create_boxes(project, [name for name, _ in SHOTS])
        pictures = [alice.generate(box, words)[0] for box, (_, words) in zip(boxes, SHOTS, strict=True)]
        pictures = alice.wait(pictures, timeout_s=60)
        clip = alice.wait([alice.animate(pictures[0], "slow pan over the water")], timeout_s=60)[0]
        spare = alice.wait([alice.generate(boxes[1], "the keeper from behind, blue hour")[0]], timeout_s=60)[0]
        for box, take in zip(boxes, [clip, *pictures[1:]], strict=True):
            alice.set_headliner(box, take)
        assert spare.file_key
        alice.publish_round(project, "First look: what matters is the light.")
    with Studio.open(settings, engine=False, clock=lambda: utc_now() - timedelta(days=40)) as studio:
        old = signed_in(studio, "alice").create_link(project, "too late", days=30)
    (data / "expired.json").write_text(json.dumps([old.link.id.hex, old.token]), "utf-8")


def signed_in(studio: Studio, name: str) -> Workspace:
    actor = studio.resolve(token=studio.login(name, PASSWORD)[0])
    assert actor is not None
    return studio.workspace(actor)


def box_named(ws: Workspace, name: str) -> Box:
    project = ws.projects().items[0]
    return next(box for box in ws.get_project_boxes(project) if box.name == name)
