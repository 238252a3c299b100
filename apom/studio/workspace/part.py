"""What every part of a workspace stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apom.models import Actor

if TYPE_CHECKING:
    from apom.studio.house import Studio


class Part:
    """One person in the studio."""

    def __init__(self, studio: Studio, actor: Actor) -> None:
        self._studio = studio
        self.actor = actor
