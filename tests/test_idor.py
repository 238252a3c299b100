"""Every route against everybody: who owns, who looks on, who is a stranger, who is not signed in.

A route without a row fails, so a new one cannot be forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from conftest import Cast, let_in
from starlette.types import ASGIApp, Receive, Scope, Send

from apom import studio as studio_module
from apom.api import create_api
from apom.models import Actor, Judgement, Role, Status, new_id
from apom.store import assets, upkeep
from apom.studio import Studio, Workspace


@dataclass(frozen=True, kw_only=True)
class Row:
    """A route with alice's ids in it, and the status each of the others gets. `owner`: what alice gets."""

    method: str
    path: str
    owner: int
    viewer: int
    stranger: int = 404
    anonymous: int = 401
    body: Any = None
    params: dict[str, str] = field(default_factory=dict)


NOTHING = "00000000-0000-4000-8000-000000000000"
BATCH: dict[str, list[str]] = {"prompts": ["x"], "models": ["sandbox/sandbox-image"], "boxes": []}
ROWS = [
    # open to anybody
    Row(method="GET", path="/health", owner=503, viewer=503, stranger=503, anonymous=503),
    Row(method="POST", path="/session", body={"username": "x", "password": "y"}, owner=401, viewer=401, stranger=401),
    Row(
        method="POST",
        path="/users",
        body={"username": "eve", "password": "seven tall ships at dawn"},
        owner=403,
        viewer=403,
        stranger=403,
        anonymous=403,
    ),
    # one's own
    Row(method="GET", path="/session", owner=200, viewer=200, stranger=200),
    Row(method="DELETE", path="/session", owner=204, viewer=204, stranger=204),
    Row(method="PATCH", path="/me", body={"language": "en"}, owner=200, viewer=200, stranger=200),
    Row(
        method="POST",
        path="/me/password",
        body={"current": "x", "new": "seven tall ships at dawn"},
        owner=403,
        viewer=403,
        stranger=403,
    ),
    Row(method="GET", path="/me/sessions", owner=200, viewer=200, stranger=200),
    Row(method="DELETE", path="/me/sessions/{session_id}", owner=404, viewer=404),
    Row(method="GET", path="/me/tokens", owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/me/tokens", body={"name": "notebook"}, owner=201, viewer=201, stranger=201),
    Row(method="DELETE", path="/me/tokens/{token_id}", owner=204, viewer=404),
    Row(
        method="PUT",
        path="/system",
        body={"key": "registration_open", "value": True},
        owner=403,
        viewer=403,
        stranger=403,
    ),
    Row(method="GET", path="/notifications", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/notifications/unread", owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/notifications/read", body={"ids": [NOTHING]}, owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/notifications/{notification_id}", owner=200, viewer=404),
    Row(method="GET", path="/me/notifications", owner=200, viewer=200, stranger=200),
    Row(method="PATCH", path="/me/notifications", body={"digest": "DAILY"}, owner=200, viewer=200, stranger=200),
    Row(method="PUT", path="/me/email", body={"email": None}, owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/me/test-mail", owner=503, viewer=503, stranger=503),
    Row(method="GET", path="/me/webhooks", owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/me/webhooks", body={"name": "x", "url": "x"}, owner=422, viewer=422, stranger=422),
    Row(method="PATCH", path="/me/webhooks/{webhook_id}", body={"is_active": False}, owner=200, viewer=404),
    Row(method="POST", path="/me/webhooks/{webhook_id}/test", owner=503, viewer=404),
    Row(method="DELETE", path="/me/webhooks/{webhook_id}", owner=204, viewer=404),
    Row(method="GET", path="/me/allowance", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/system", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/accounts", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/audit", owner=403, viewer=403, stranger=403),
    *(
        Row(method=method, path=path, body={"username": "bob", **body}, owner=403, viewer=403, stranger=403)
        for method, path, body in (
            ("POST", "/accounts", {"password": "seven tall ships at dawn"}),
            ("PATCH", "/accounts", {"is_admin": True}),
            ("PUT", "/accounts/limit", {"limit": None}),
            ("PUT", "/accounts/password", {"password": "seven tall ships at dawn"}),
        )
    ),
    Row(method="GET", path="/balances", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/models", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/projects", owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/projects", body={"name": "mine"}, owner=201, viewer=201, stranger=201),
    Row(method="POST", path="/projects/sample", owner=201, viewer=201, stranger=201),
    Row(method="GET", path="/mosaics", params={"id": "{project_id}"}, owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/favorites", owner=200, viewer=200, stranger=200),
    # an admin's: alice owns a project and is none
    *(
        Row(method=method, path=f"/providers{path}", body=body, owner=403, viewer=403, stranger=403)
        for method, path, body in (
            ("GET", "", None),
            ("POST", "/dry-run", {"model": "sandbox/sandbox-image", "prompt": "x"}),
            ("PUT", "/{provider}/key", {"key": "kie-0123456789"}),
            ("DELETE", "/{provider}/key", None),
            ("PUT", "/{provider}/active", {"is_active": False}),
            ("PUT", "/{provider}/address", {"base_url": "https://evil.example"}),
            ("GET", "/{provider}/file", None),
            ("PUT", "/{provider}/file", {"definition": "{}"}),
            ("DELETE", "/{provider}/file", None),
            ("POST", "/{provider}/test", None),
        )
    ),
    # the operator's
    *(
        Row(method=method, path=f"/operator{path}", body=body, owner=401, viewer=401, stranger=401)
        for method, path, body in (
            ("GET", "/models", None),
            ("GET", "/providers", None),
            ("POST", "/providers/sync", None),
            ("PUT", "/providers/{provider}/key", {"key": "kie-0123456789"}),
            ("DELETE", "/providers/{provider}/key", None),
            ("PUT", "/providers/{provider}/active", {"is_active": False}),
            ("PUT", "/providers/{provider}/address", {"base_url": "https://evil.example"}),
            ("POST", "/providers/{provider}/test", None),
            ("GET", "/providers/{provider}/file", None),
            ("PUT", "/providers/{provider}/file", {"definition": "{}"}),
            ("DELETE", "/providers/{provider}/file", None),
            ("POST", "/providers/dry-run", {"model": "sandbox/sandbox-image"}),
            ("POST", "/trials", {"model": "sandbox/sandbox-image", "prompt": "x"}),
            ("GET", "/trials/{asset_id}", None),
        )
    ),
    Row(method="GET", path="/operator/health", owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/sweeps", body={}, owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/backups", body={"folder": "x"}, owner=401, viewer=401, stranger=401),
    Row(method="GET", path="/operator/retention", owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/retention/runs", body={}, owner=401, viewer=401, stranger=401),
    Row(method="GET", path="/operator/users", owner=401, viewer=401, stranger=401),
    Row(
        method="POST",
        path="/operator/users",
        body={"username": "x", "password": "y"},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(
        method="PUT",
        path="/operator/users/password",
        body={"username": "alice", "password": "y"},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(
        method="PATCH",
        path="/operator/users",
        body={"username": "alice", "is_admin": True},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(
        method="PUT",
        path="/operator/users/limit",
        body={"username": "alice", "limit": None},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(method="GET", path="/operator/config", owner=401, viewer=401, stranger=401),
    Row(
        method="PUT",
        path="/operator/config",
        body={"key": "retention_days", "value": 3},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(method="GET", path="/operator/statement", owner=401, viewer=401, stranger=401),
    Row(method="GET", path="/operator/balances", owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/balances", owner=401, viewer=401, stranger=401),
    Row(method="GET", path="/operator/tokens", params={"username": "{username}"}, owner=401, viewer=401, stranger=401),
    Row(
        method="POST",
        path="/operator/tokens",
        body={"username": "alice", "name": "mine"},
        owner=401,
        viewer=401,
        stranger=401,
    ),
    Row(method="DELETE", path="/operator/tokens/{token_id}", owner=401, viewer=401, stranger=401),
    Row(method="GET", path="/operator/store", owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/store/snapshots", body={"name": "x"}, owner=401, viewer=401, stranger=401),
    Row(method="POST", path="/operator/store/copy", body={"url": "x"}, owner=401, viewer=401, stranger=401),
    # alice's project
    Row(method="GET", path="/favorites", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/projects/{project_id}", owner=200, viewer=200),
    Row(method="PATCH", path="/projects/{project_id}", body={"notes": "n"}, owner=200, viewer=403),
    Row(method="POST", path="/projects/{project_id}/sound-box", owner=200, viewer=403),
    Row(method="GET", path="/projects/{project_id}/members", owner=200, viewer=200),
    Row(
        method="PUT",
        path="/projects/{project_id}/members",
        body={"username": "victor", "role": "VIEWER"},
        owner=200,
        viewer=403,
    ),
    Row(method="DELETE", path="/projects/{project_id}/members/{user_id}", owner=422, viewer=403),
    Row(method="GET", path="/projects/{project_id}/boxes", owner=200, viewer=200),
    Row(method="POST", path="/projects/{project_id}/boxes", body={"names": ["x"]}, owner=201, viewer=403),
    Row(method="POST", path="/projects/{project_id}/box", body={"name": "x"}, owner=201, viewer=403),
    Row(method="PUT", path="/projects/{project_id}/order", body={"order": []}, owner=409, viewer=403),
    Row(method="DELETE", path="/boxes/{spare_box_id}", owner=204, viewer=403),
    Row(method="GET", path="/assets/{asset_id}/download", owner=404, viewer=404),
    Row(method="GET", path="/export-formats", owner=200, viewer=200, stranger=200),
    Row(method="PUT", path="/export-formats/{format}", body={}, owner=204, viewer=204, stranger=204),
    Row(method="GET", path="/projects/{project_id}/export.zip", owner=200, viewer=200),
    Row(method="GET", path="/projects/{project_id}/export.{format}", owner=200, viewer=200),
    Row(method="POST", path="/projects/{project_id}/exports/{format}", body={}, owner=202, viewer=202),
    Row(method="GET", path="/exports/{export_id}", owner=409, viewer=404),
    Row(method="POST", path="/projects/{project_id}/rounds", body={}, owner=201, viewer=403),
    Row(method="GET", path="/projects/{project_id}/rounds", owner=200, viewer=200),
    Row(method="GET", path="/rounds/{round_id}/shots", owner=200, viewer=200),
    Row(method="GET", path="/links", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/links", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="PATCH", path="/links/{link_id}", body={"can_comment": False}, owner=200, viewer=403),
    Row(method="GET", path="/links/{link_id}/activity", owner=200, viewer=200),
    Row(method="POST", path="/projects/{project_id}/links", body={"label": "client"}, owner=201, viewer=403),
    Row(method="DELETE", path="/links/{link_id}", owner=204, viewer=403),
    Row(method="GET", path="/comments", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/comments", params={"box_id": "{box_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/comments", params={"asset_id": "{asset_id}"}, owner=200, viewer=200),
    Row(method="POST", path="/assets/{asset_id}/comments", body={"text": "x"}, owner=201, viewer=201),
    Row(method="PATCH", path="/comments/{comment_id}", body={"text": "y"}, owner=200, viewer=403),
    Row(method="GET", path="/inbox", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/inbox", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/inbox/unread", owner=200, viewer=200, stranger=200),
    Row(
        method="POST",
        path="/inbox/marks",
        body={"ids": ["00000000-0000-4000-8000-000000000000"], "is_read": True},
        owner=200,
        viewer=200,
        stranger=200,
    ),
    Row(method="POST", path="/boxes/{box_id}/verdicts", body={"verdict": "APPROVED"}, owner=201, viewer=403),
    Row(method="GET", path="/projects/{project_id}/verdicts", owner=200, viewer=200),
    Row(method="DELETE", path="/comments/{comment_id}", owner=204, viewer=403),
    # behind a review link: nobody without its own cookie, members neither (tests/test_review_routes.py has the rest)
    *(
        Row(method=method, path=f"/review/{{link_id}}{path}", body=body, owner=404, viewer=404, anonymous=404)
        for method, path, body in (
            ("GET", "", None),
            ("POST", "/password", {"password": "x"}),
            ("POST", "/visit", None),
            ("GET", "/room", None),
            ("GET", "/takes.zip", None),
            ("PUT", "/name", {"name": "x"}),
            ("POST", "/shots/{box_id}/looked", None),
            ("GET", "/comments", None),
            ("POST", "/comments", {"asset_id": NOTHING, "text": "x", "name": "y"}),
            ("PATCH", "/comments/{comment_id}", {"text": "x"}),
            ("DELETE", "/comments/{comment_id}", None),
            ("POST", "/verdicts", {"box_id": NOTHING, "round_id": NOTHING, "verdict": "APPROVED", "name": "x"}),
        )
    ),
    Row(method="GET", path="/boxes/{box_id}", owner=200, viewer=200),
    Row(method="PATCH", path="/boxes/{box_id}", body={"notes": "n"}, owner=200, viewer=403),
    Row(method="POST", path="/boxes/{box_id}/move", body={"steps": 1}, owner=200, viewer=403),
    Row(method="PUT", path="/boxes/{box_id}/headliner", body={"asset_id": None}, owner=200, viewer=403),
    Row(method="GET", path="/boxes/{box_id}/assets", owner=200, viewer=200),
    Row(method="POST", path="/boxes/{box_id}/generate", body={"prompt": "x"}, owner=201, viewer=403),
    Row(method="GET", path="/uploads/{box_id}/{upload_id}", owner=200, viewer=403),
    Row(method="PUT", path="/uploads/{box_id}/{upload_id}", owner=422, viewer=403),
    Row(method="GET", path="/archives/{upload_id}", owner=200, viewer=200, stranger=200),
    Row(method="PUT", path="/archives/{upload_id}", params={"size": "9"}, owner=202, viewer=202, stranger=202),
    Row(method="POST", path="/boxes/{box_id}/upload", owner=422, viewer=403),
    Row(method="PUT", path="/projects/{project_id}/shots/plan", owner=422, viewer=403),
    Row(method="PUT", path="/projects/{project_id}/shots", owner=422, viewer=403),
    Row(method="POST", path="/projects/{project_id}/known-files", body={"sha256": []}, owner=200, viewer=200),
    Row(method="GET", path="/assets", params={"id": "{asset_id}"}, owner=200, viewer=200, stranger=200),
    Row(
        method="POST",
        path="/assets/marks",
        body={"marks": [{"asset_id": "00000000-0000-4000-8000-000000000000", "rating": 3}]},
        owner=200,
        viewer=200,
        stranger=200,
    ),
    Row(method="GET", path="/assets/search", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/assets/search", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/assets/search", params={"box_id": "{box_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/assets/count", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/assets/count", params={"box_id": "{box_id}"}, owner=200, viewer=200),
    Row(
        method="POST",
        path="/assets/mark-all",
        body={"mark": {"rating": 2}, "which": {"project_id": "00000000-0000-4000-8000-000000000000"}},
        owner=404,
        viewer=404,
    ),
    Row(method="POST", path="/projects/{project_id}/rebuild-media", owner=202, viewer=403),
    Row(method="POST", path="/sweeps", body={}, owner=403, viewer=403, stranger=403),
    Row(method="POST", path="/move-media", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/sweeps", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/storage", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/projects/{project_id}/storage", owner=200, viewer=200),
    Row(method="GET", path="/retention", owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/retention/runs", owner=403, viewer=403, stranger=403),
    Row(method="POST", path="/retention/runs", body={"confirmed": True}, owner=403, viewer=403, stranger=403),
    Row(method="GET", path="/projects/{project_id}/retention", owner=200, viewer=200),
    Row(method="GET", path="/projects/{project_id}/leaving", owner=200, viewer=200),
    Row(method="POST", path="/projects/{project_id}/trash/empty", owner=200, viewer=403),
    Row(method="GET", path="/jobs", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/jobs", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/jobs/{job_id}", owner=200, viewer=200),
    Row(method="POST", path="/jobs/{job_id}/pause", owner=200, viewer=403),
    Row(method="POST", path="/jobs/{job_id}/resume", owner=200, viewer=403),
    Row(method="POST", path="/jobs/{job_id}/cancel", owner=200, viewer=403),
    Row(method="POST", path="/jobs/{job_id}/undo", owner=409, viewer=403),
    Row(method="GET", path="/assets/{asset_id}", owner=200, viewer=200),
    Row(method="PATCH", path="/assets/{asset_id}", body={"rating": 3}, owner=200, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/favorite", owner=200, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/cancel", owner=409, viewer=403),
    Row(method="GET", path="/queue", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/queue", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/queue", params={"status": "FAILED", "project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/queue/items", params={"id": "{asset_id}"}, owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/queue/summary", owner=200, viewer=200, stranger=200),
    Row(
        method="POST",
        path="/queue/decide",
        body={"asset_ids": ["00000000-0000-4000-8000-000000000000"], "deed": "cancel"},
        owner=200,
        viewer=200,
        stranger=200,
    ),
    Row(method="GET", path="/providers/health", owner=200, viewer=200, stranger=200),
    Row(method="POST", path="/assets/{asset_id}/check-again", owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/retry-download", owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/task-id", body={"task_id": "t1"}, owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/regenerate", body={"may_bill_again": True}, owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/give-up", owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/keep", owner=409, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/frame", body={}, owner=422, viewer=403),
    Row(method="GET", path="/projects/{project_id}/spending", owner=200, viewer=200),
    Row(method="GET", path="/statement", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/spending/days", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/statement.csv", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="POST", path="/assets/{asset_id}/edit", body={"words": "make it night"}, owner=201, viewer=403),
    Row(method="POST", path="/boxes/{box_id}/continue", body={}, owner=422, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/again", body={}, owner=201, viewer=403),
    Row(method="POST", path="/assets/{asset_id}/animate", body={}, owner=201, viewer=403),
    Row(method="POST", path="/projects/{project_id}/batches/estimate", body=BATCH, owner=200, viewer=200),
    Row(method="POST", path="/projects/{project_id}/batches", body={"order": BATCH}, owner=422, viewer=403),
    Row(method="GET", path="/batches", owner=200, viewer=200, stranger=200),
    Row(method="GET", path="/batches", params={"project_id": "{project_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/assets/search", params={"batch_id": "{batch_id}"}, owner=200, viewer=200),
    Row(method="GET", path="/batches/{batch_id}", owner=200, viewer=200),
    Row(method="POST", path="/batches/{batch_id}/pause", owner=200, viewer=403),
    Row(method="POST", path="/batches/{batch_id}/resume", owner=200, viewer=403),
    Row(method="POST", path="/batches/{batch_id}/cancel", owner=200, viewer=403),
    Row(method="POST", path="/batches/{batch_id}/retry", body={}, owner=201, viewer=403),
    Row(method="DELETE", path="/assets/{spare_id}", owner=204, viewer=403),
    Row(method="DELETE", path="/projects/{spare_project_id}", owner=204, viewer=403),
]
SPARE = {
    "{export_id}": "{job_id}",
    "{spare_id}": "{asset_id}",
    "{spare_box_id}": "{box_id}",
    "{spare_project_id}": "{project_id}",
}

API = create_api("operator's token")


class As:
    """Puts a person where the identity middleware does."""

    def __init__(self, app: ASGIApp, actor: Actor | None) -> None:
        self.app, self.actor = app, actor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "state": {"actor": self.actor, "address": "10.0.0.0/24"}}, receive, send)


@dataclass(frozen=True)
class House:
    """alice's project and what is in it."""

    cast: Cast
    ids: dict[str, str]

    def ask(self, actor: Actor | None, row: Row, ids: dict[str, str] | None = None) -> httpx.Response:
        ids = ids or self.ids
        transport = httpx.ASGITransport(As(API, actor), raise_app_exceptions=False)

        async def go() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
                params = {k: v.format(**ids) for k, v in row.params.items()} or None
                return await client.request(row.method, row.path.format(**ids), json=row.body, params=params)

        return asyncio.run(go())


def arrived(studio: Studio, ws: Workspace, box: object) -> object:
    """A take that is here, without an engine."""
    take = ws.generate(box, "x")[0]  # type: ignore[arg-type]
    with studio._store.write() as tx:
        tx.all("update generation set state = 'COMPLETED' where asset_id = $1", take.id)
        assets.set_file(
            tx,
            take.id,
            take.asset_type,
            {"mime": "image/png", "file_key": f"dev/a/{take.id}/original-0123456789ab.png"},
            studio.accounts._clock(),
        )
    return take


@pytest.fixture
def house(cast: Cast, studio: Studio) -> Iterator[House]:
    studio_module.set_current(studio)
    alice = cast.alice
    project = alice.create_project("P")
    box = alice.create_box(project, "one")
    asset, spare = (arrived(studio, alice, box) for _ in range(2))
    alice.set_headliner(box, asset)  # type: ignore[arg-type]
    let_in(alice, project, "victor", Role.VIEWER)
    link = alice.create_link(project, "client").link
    comment = alice.add_comment(asset, "softer light")  # type: ignore[arg-type]
    round = alice.publish_round(project)
    victor_says = cast.victor.add_comment(asset, "and colder")  # type: ignore[arg-type]
    studio.telling.derive()
    told = next(each for each in alice.notifications().items if each.person == victor_says.author_name)
    webhook = alice.add_webhook("chat", "https://chat.invalid/hooks/1").webhook
    spare_box = alice.create_box(project, "two")
    token, _ = alice.create_token("notebook")
    spare_project = alice.create_project("spare")
    let_in(alice, spare_project, "victor", Role.VIEWER)
    yield House(
        cast,
        {
            "project_id": str(project.id),
            "box_id": str(box.id),
            "batch_id": str(asset.batch_id),  # type: ignore[attr-defined]
            "asset_id": str(asset.id),  # type: ignore[attr-defined]
            "spare_id": str(spare.id),  # type: ignore[attr-defined]
            "spare_box_id": str(spare_box.id),
            "spare_project_id": str(spare_project.id),
            "link_id": str(link.id),
            "comment_id": str(comment.id),
            "round_id": str(round.id),
            "job_id": str(alice.mark_all(Judgement(rating=2), project=project).id),
            "export_id": str(alice.order_export(project, "docx").id),
            "format": "docx",
            "token_id": str(token.id),
            "notification_id": str(told.id),
            "webhook_id": str(webhook.id),
            "user_id": str(alice.actor.user_id),
            "username": "alice",
            "provider": "sandbox",
            "session_id": str(new_id()),
            "upload_id": str(new_id()),
        },
    )
    studio_module.set_current(None)


def test_every_route_has_a_row() -> None:
    paths = create_api().openapi()["paths"]
    there = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    rows = {(row.method, _template(row.path)) for row in ROWS}
    assert there == rows


def _template(path: str) -> str:
    for spare, real in SPARE.items():
        path = path.replace(spare, real)
    return path


def rows_changed(studio: Studio) -> list[object]:
    with studio._store.read() as tx:
        tables = {row["table_name"] for row in tx.all(upkeep.TABLES)} - {"audit_entry", "session"}
        return [sorted(map(str, tx.all(f"select * from {table}"))) for table in sorted(tables)]


def test_each_gets_what_they_should_and_no_more(house: House, studio: Studio) -> None:
    wrong = []
    for row in ROWS:
        before = rows_changed(studio)
        for who, actor, status in (
            ("anonymous", None, row.anonymous),
            ("stranger", house.cast.bob.actor, row.stranger),
            ("viewer", house.cast.victor.actor, row.viewer),
        ):
            got = house.ask(actor, row)
            if got.status_code != status:
                wrong.append((row.method, row.path, who, got.status_code, got.text[:200]))
            if status >= 400 and got.status_code == status and row.path != "/health":
                assert got.headers["content-type"] == "application/problem+json", (row.path, who)
        if row.anonymous >= 400 and row.stranger >= 400 and row.viewer >= 400 and rows_changed(studio) != before:
            wrong.append((row.method, row.path, "changed something"))
        got = house.ask(house.cast.alice.actor, row)
        if got.status_code != row.owner:
            wrong.append((row.method, row.path, "owner", got.status_code, got.text[:200]))
    assert not wrong


def test_a_strangers_answer_is_that_for_an_id_that_never_was(house: House) -> None:
    nobody = {name: str(new_id()) for name in house.ids} | {
        "username": "alice",
        "provider": "sandbox",
        "format": "docx",
    }
    for row in ROWS:
        if row.stranger == 404:
            mine, never = house.ask(house.cast.bob.actor, row), house.ask(house.cast.bob.actor, row, nobody)
            assert (mine.status_code, mine.content) == (never.status_code, never.content), row.path


def test_foreign_ids_inside_bodies_are_refused(house: House) -> None:
    bob = house.cast.bob
    box = bob.create_box(bob.create_project("bob's"), "one")
    ids = {**house.ids, "box_id": str(box.id)}
    stolen = house.ids["asset_id"]
    for row in (
        Row(method="PUT", path="/boxes/{box_id}/headliner", body={"asset_id": stolen}, owner=0, viewer=0),
        Row(
            method="POST",
            path="/boxes/{box_id}/generate",
            body={
                "prompt": "x",
                "model": "sandbox/sandbox-video",
                "inputs": [{"role": "first_frame", "asset_id": stolen}],
            },
            owner=0,
            viewer=0,
        ),
        Row(method="PATCH", path="/boxes/{box_id}", body={"project_id": house.ids["project_id"]}, owner=0, viewer=0),
    ):
        assert house.ask(bob.actor, row, ids).status_code == 422
    assert bob.box(box).headliner_asset_id is None
    assert bob.get_box_assets(box).items == ()


def test_foreign_ids_in_marks_and_lists_are_those_of_nothing(house: House) -> None:
    alice, bob, victor = house.cast.alice, house.cast.bob, house.cast.victor
    taken, never = house.ids["asset_id"], str(new_id())
    before = alice.asset(taken)

    def marks(id: str) -> Row:
        body = {"marks": [{"asset_id": id, "rating": 5, "trashed": True}]}
        return Row(method="POST", path="/assets/marks", body=body, owner=0, viewer=0)

    theirs, nobodys = house.ask(bob.actor, marks(taken)), house.ask(bob.actor, marks(never))
    assert theirs.status_code == nobodys.status_code == 200
    assert theirs.text.replace(taken, never) == nobodys.text
    refused = house.ask(victor.actor, marks(taken)).json()["refused"]
    assert [(r["asset_id"], r["code"]) for r in refused] == [(taken, "not_allowed")]
    listed = Row(method="GET", path="/assets", params={"id": taken}, owner=0, viewer=0)
    found = Row(method="GET", path="/assets/search", owner=0, viewer=0)
    assert house.ask(bob.actor, listed).json() == house.ask(bob.actor, found).json()["items"] == []
    assert house.ask(victor.actor, listed).json()[0]["id"] == taken
    assert alice.asset(taken) == before


def test_bad_bodies_are_problems_that_name_the_field(house: House) -> None:
    for method, path, body, name in (
        ("POST", "/projects", {"name": ""}, "name"),
        ("POST", "/projects", {"name": "x", "created_by": "me"}, "created_by"),
        ("POST", "/boxes/{box_id}/generate", {"prompt": "x", "n": 0}, "n"),
        ("POST", "/boxes/{box_id}/generate", {"prompt": "x", "params": {"no_such": 1}}, "no_such"),
        ("POST", "/boxes/{box_id}/generate", {"prompt": "x", "model": "no/such"}, "model"),
        ("PATCH", "/assets/{asset_id}", {"status": "COMPLETED"}, "status"),
        ("POST", "/assets/marks", {"marks": []}, "marks"),
        ("POST", "/assets/marks", {"marks": [{"asset_id": house.ids["asset_id"], "rating": 6}]}, "rating"),
        ("POST", "/assets/marks", {"marks": [{"asset_id": house.ids["asset_id"], "status": "FAILED"}]}, "status"),
        ("GET", "/assets", None, "id"),
        ("GET", "/assets/search?since=2026-11-23T12:00:00", None, "since"),
        ("GET", "/projects?cursor=nonsense", None, "cursor"),
    ):
        got = house.ask(house.cast.alice.actor, Row(method=method, path=path, body=body, owner=0, viewer=0))
        assert got.status_code == 422, (path, got.text)
        assert name in got.json().get("field", ""), got.text


def test_the_operators_routes_open_with_the_operators_token(house: House) -> None:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(As(API, None))
        async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
            return await client.get("/operator/users", headers={"Authorization": "Bearer operator's token"})

    assert [user["username"] for user in asyncio.run(go()).json()] == ["alice", "bob", "victor"]


def test_the_take_of_a_deleted_box_is_gone(house: House) -> None:
    alice = house.cast.alice
    box = alice.create_box(house.ids["project_id"], "three")
    take = alice.generate(box, "x")[0]
    assert alice.cancel(take).status is Status.CANCELLED
    alice.delete_box(box)
    row = Row(method="GET", path="/assets/{asset_id}", owner=0, viewer=0)
    assert house.ask(alice.actor, row, {**house.ids, "asset_id": str(take.id)}).status_code == 404
