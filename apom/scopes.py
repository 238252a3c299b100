"""What a person's token may do in their name. Pure: the Workspace asks here before each of its methods.

Said in one place, and so that forgetting is safe: a method that is not named as reading is refused to a token that may
only read.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, TypeVar

from apom.errors import NotAllowed
from apom.models import Actor, Scope

READING = frozenset(
    "me sessions tokens project projects mosaics members box get_project_boxes models wait asset get_box_assets"
    " get_assets search_assets get_favorite_assets queue provider_health spending statement file links events"
    " queue_items queue_summary spending_by_day count_assets jobs job estimate_batch batches batch statement_csv"
    " rounds round_shots link_activity comments verdicts inbox unread"
    " allowance system users audit balances providers provider_file dry_run received known_files"
    " export_formats export export_docx export_pdf export_xlsx export_csv export_rights export_animatic export_archive"
    " export_zip export_cut export_file download retention_plan leaving retention_runs storage sweeps"
    " notifications notification unread_notifications notification_settings webhooks archive_received plan_shots".split()
)
IN_PERSON = frozenset(
    "change_password end_session logout create_token revoke_token set_key remove_key set_address edit_provider"
    " add_user change_user set_monthly_limit reset_password"
    " set_email add_webhook".split()  # what would still tell others when the token has ended
)


class Acting(Protocol):
    """What knows who acts."""

    actor: Actor


K = TypeVar("K", bound=type[Acting])
R = TypeVar("R")


def check(actor: Actor, name: str) -> None:
    """Whether the actor may use the method of this name. Raises NotAllowed."""
    if actor.token_id is not None and name in IN_PERSON:
        raise NotAllowed("A token cannot do this. Sign in with your password.")
    if Scope.WRITE not in actor.scopes and name not in READING:
        raise NotAllowed("This token may only read. Make one that may change things on your account page.")


def limited(kind: K) -> K:
    """Class decorator: every public method, inherited ones too, is checked before it begins."""
    for name in dir(kind):
        method = getattr(kind, name)
        if callable(method) and not name.startswith("_"):
            setattr(kind, name, _checked(name, method))
    return kind


def _checked(name: str, method: Callable[..., R]) -> Callable[..., R]:
    @wraps(method)
    def checked(self: Acting, *args: Any, **kwargs: Any) -> R:
        check(self.actor, name)
        return method(self, *args, **kwargs)

    return checked
