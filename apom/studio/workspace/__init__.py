"""What one signed-in person may do: a module for each subject, put together here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from apom.composed import Composed
from apom.events import Subscription
from apom.exporting import Exporting
from apom.models import Project, Ref
from apom.scopes import limited
from apom.studio.workspace.account import Account
from apom.studio.workspace.administering import Administering
from apom.studio.workspace.commenting import Commenting
from apom.studio.workspace.deciding import Deciding
from apom.studio.workspace.delivering import Delivering
from apom.studio.workspace.hearing import Hearing
from apom.studio.workspace.ordering import Ordering
from apom.studio.workspace.planning import Planning
from apom.studio.workspace.reckoning import Reckoning
from apom.studio.workspace.showing import Showing
from apom.studio.workspace.takes import Takes
from apom.studio.workspace.upkeep import Upkeep
from apom.words import N_, _

SAMPLE_SHOTS = (
    (N_("Harbour at dawn"), "harbour at dawn, fishing boats, soft golden light over the sea"),
    (N_("The keeper"), "portrait of an old lighthouse keeper, sunset, rim light"),
    (N_("The storm"), "storm over the ocean, waves against dark cliffs"),
    (N_("City lights"), "neon city street at night after rain, reflections"),
)


@limited
class Workspace(
    Account,
    Administering,
    Planning,
    Takes,
    Ordering,
    Deciding,
    Reckoning,
    Delivering,
    Upkeep,
    Showing,
    Commenting,
    Hearing,
    Composed,
    Exporting,
):
    """What one signed-in person may do. Every method takes a record or its id and answers with frozen records.

    A stranger's id raises NotFound like a missing one; a member's missing right raises NotAllowed, and so does what an
    API token may not do (apom.scopes).
    """

    def create_sample_project(self) -> Project:
        """Four shots with sandbox pictures on their way, to look around in."""
        project = self.create_project(
            _("Sample: the lighthouse"), notes=_("Made by the sandbox: pictures to play with, no money.")
        )
        boxes = self.create_boxes(project, [_(name) for name, prompt in SAMPLE_SHOTS])
        for box, (_name, prompt) in zip(boxes, SAMPLE_SHOTS, strict=True):
            self.update_box(box, prompt_text=prompt)
            self.generate(box, prompt, n=2)
        return project

    @contextmanager
    def events(self, project: Ref) -> Iterator[Subscription]:
        """What changes in a project, for a coroutine of the running loop. Raises NotFound."""
        with self._studio.hub.subscribe(self.project(project).id) as subscription:
            yield subscription
