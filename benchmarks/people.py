"""Who works in the stores that are measured."""

from __future__ import annotations

from apom.studio import Studio, Workspace

PASSWORD = "seven tall ships at dawn"


def alice(studio: Studio) -> tuple[Workspace, str]:
    """The first account, signed in: her door, and the token of her session."""
    studio.register("alice", PASSWORD)
    token, _ = studio.login("alice", PASSWORD)
    actor = studio.resolve(token=token)
    assert actor is not None, "she has just signed in"
    return studio.workspace(actor), token
