"""What one person may do, over HTTP: `apom.studio.Workspace` method by method, which a test compares."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack
from uuid import UUID

from pydantic import JsonValue

from apom.asking import DEFAULT_IMAGE, DEFAULT_VIDEO, Table, Wanted, content_of, id_of, parts_of
from apom.client.door import LONG_S, Door, Made, documented_as, path_part
from apom.client.files import Files
from apom.client.listening import listening
from apom.composed import Composed
from apom.errors import Invalid, Unavailable
from apom.events import Subscription
from apom.exporting import Exporting
from apom.fields import AssetChanges, BoxChanges, BoxFields, ProjectChanges, ProjectFields
from apom.models import (
    Actor,
    AIModel,
    AIProvider,
    Allowance,
    ApiToken,
    ArchiveArriving,
    Arriving,
    Asset,
    AssetType,
    AuditEntry,
    BalanceChange,
    Batch,
    BatchOrder,
    BatchPlan,
    Box,
    BoxKind,
    Channel,
    Comment,
    Decided,
    Deed,
    Digest,
    Emptied,
    Exported,
    ExportFormat,
    InboxItem,
    InputRole,
    Job,
    JobState,
    Json,
    Judgement,
    LinkActivity,
    MadeLink,
    MadeWebhook,
    Mark,
    Marked,
    Member,
    NoticeKind,
    Notification,
    NotificationSettings,
    Opinion,
    Page,
    Preset,
    Project,
    ProviderHealth,
    ProviderTest,
    QueueItem,
    QueueSummary,
    Ref,
    Region,
    RetentionPlan,
    RetentionRun,
    Role,
    Round,
    RoundShot,
    Rows,
    Scope,
    Session,
    SharedLink,
    ShotTable,
    SourceType,
    Spending,
    SpendingDay,
    StatementRow,
    Status,
    StorageUse,
    Sweep,
    SystemSetting,
    Take,
    Unread,
    Upload,
    User,
    Verdict,
    Visibility,
    Webhook,
    new_id,
)
from apom.net.ours import Connection
from apom.sending import send_archive
from apom.studio import Workspace
from apom.tokens import BOTH
from apom.waiting import ended


def _order_token() -> str:
    """Made here, so that an order whose answer was lost is placed again and paid once."""
    return secrets.token_urlsafe(24)


def _of(provider: str, what: str) -> str:
    return f"providers/{path_part(provider)}/{what}"


@documented_as(Workspace)
class RemoteWorkspace(Composed, Exporting):
    """What one signed-in person may do on a server: the same methods, records and errors as `apom.studio.Workspace`.

    Every method also raises Unavailable when the server does not answer, and NotSignedIn when the token has ended. From
    any thread. See `apom.client.connect`.
    """

    def __init__(self, connection: Connection, cache: Path | None) -> None:
        self._door = Door(connection)
        self._files = Files(connection, cache)
        try:
            me = self.me()
        except BaseException:
            connection.close()
            raise
        self.actor = Actor(user_id=me.id, username=me.username, is_admin=me.is_admin, language=me.language)

    def __repr__(self) -> str:
        return f"<{self.actor.username} at {self._door.connection.url}>"

    def close(self) -> None:
        """Ends the connections, and removes fetched files unless a folder was given. The token goes on."""
        self._files.close()
        self._door.connection.close()

    def __enter__(self) -> RemoteWorkspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # me

    def me(self) -> User:
        return self._door.ask(User, "GET", "session")

    def set_language(self, language: str) -> User:
        return self._door.ask(User, "PATCH", "me", body={"language": language})

    def change_password(self, current: str, new: str) -> None:
        self._door.do("POST", "me/password", body={"current": current, "new": new}, is_patient=False)

    def sessions(self) -> Rows[Session]:
        return self._door.ask(Rows[Session], "GET", "me/sessions")

    def end_session(self, session: Ref) -> None:
        self._door.do("DELETE", f"me/sessions/{id_of(session)}")

    def logout(self) -> None:
        self._door.do("DELETE", "session")

    def create_token(self, name: str, *, days: int = 365, scopes: Sequence[Scope] = BOTH) -> tuple[ApiToken, str]:
        made = self._door.ask(Made, "POST", "me/tokens", body={"name": name, "days": days, "scopes": scopes})
        return made.token, made.secret

    def tokens(self) -> Rows[ApiToken]:
        return self._door.ask(Rows[ApiToken], "GET", "me/tokens")

    def revoke_token(self, token: Ref) -> None:
        self._door.do("DELETE", f"me/tokens/{id_of(token)}")

    def allowance(self) -> Allowance:
        return self._door.ask(Allowance, "GET", "me/allowance")

    # what an admin looks after

    def system(self) -> Rows[SystemSetting]:
        return self._door.ask(Rows[SystemSetting], "GET", "system")

    def set_system(self, key: str, value: JsonValue) -> None:
        self._door.do("PUT", "system", body={"key": key, "value": value})

    # providers: an admin's

    def providers(self) -> Rows[AIProvider]:
        return self._door.ask(Rows[AIProvider], "GET", "providers")

    def provider_file(self, provider: str) -> str:
        return self._door.ask(dict[str, str], "GET", _of(provider, "file"))["definition"]

    def set_key(self, provider: str, key: str, *, name: str | None = None) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _of(provider, "key"), body={"key": key, "name": name})

    def remove_key(self, provider: str, *, name: str | None = None) -> AIProvider:
        return self._door.ask(AIProvider, "DELETE", _of(provider, "key"), params={"name": name})

    def set_active(self, provider: str, is_active: bool) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _of(provider, "active"), body={"is_active": is_active})

    def set_address(self, provider: str, base_url: str | None, *, may_be_private: bool = False) -> AIProvider:
        body = {"base_url": base_url, "may_be_private": may_be_private}
        return self._door.ask(AIProvider, "PUT", _of(provider, "address"), body=body)

    def edit_provider(self, provider: str, definition: str) -> AIProvider:
        return self._door.ask(AIProvider, "PUT", _of(provider, "file"), body={"definition": definition})

    def reset_provider(self, provider: str) -> None:
        self._door.do("DELETE", _of(provider, "file"))

    def test_provider(self, provider: str) -> ProviderTest:
        return self._door.ask(ProviderTest, "POST", _of(provider, "test"))

    def dry_run(self, model: str, prompt: str, params: Mapping[str, JsonValue] | None = None) -> Json:
        body = {"model": model, "prompt": prompt, "params": dict(params or {})}
        return self._door.ask(dict[str, JsonValue], "POST", "providers/dry-run", body=body, is_safe=True)

    def users(
        self,
        text: str = "",
        *,
        is_admin: bool | None = None,
        is_active: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[User]:
        params = {"text": text, "is_admin": is_admin, "is_active": is_active, "cursor": cursor, "limit": limit}
        return self._door.ask(Page[User], "GET", "accounts", params=params)

    def add_user(self, username: str, password: str) -> User:
        return self._door.ask(User, "POST", "accounts", body={"username": username, "password": password})

    def change_user(self, username: str, *, is_admin: bool | None = None, is_active: bool | None = None) -> User:
        body = {"username": username, "is_admin": is_admin, "is_active": is_active}
        return self._door.ask(User, "PATCH", "accounts", body=body)

    def set_monthly_limit(self, username: str, limit: float | None) -> User:
        return self._door.ask(User, "PUT", "accounts/limit", body={"username": username, "limit": limit})

    def reset_password(self, username: str, password: str) -> User:
        return self._door.ask(User, "PUT", "accounts/password", body={"username": username, "password": password})

    def audit(self, *, cursor: str | None = None, limit: int = 100) -> Page[AuditEntry]:
        return self._door.ask(Page[AuditEntry], "GET", "audit", params={"cursor": cursor, "limit": limit})

    def balances(self, month: datetime | None = None) -> Rows[BalanceChange]:
        return self._door.ask(Rows[BalanceChange], "GET", "balances", params={"month": month})

    # projects

    def create_project(self, name: str, **fields: Unpack[ProjectFields]) -> Project:
        return self._door.ask(Project, "POST", "projects", body={**fields, "name": name})

    def project(self, project: Ref) -> Project:
        return self._door.ask(Project, "GET", f"projects/{id_of(project)}")

    def projects(self, *, archived: bool = False, cursor: str | None = None, limit: int = 100) -> Page[Project]:
        params = {"archived": archived, "cursor": cursor, "limit": limit}
        return self._door.ask(Page[Project], "GET", "projects", params=params)

    def mosaics(self, projects: Sequence[Ref]) -> dict[UUID, list[tuple[str, str | None]]]:
        params = {"id": [id_of(project) for project in projects]}
        return self._door.ask(dict[UUID, list[tuple[str, str | None]]], "GET", "mosaics", params=params)

    def update_project(self, project: Ref, **changes: Unpack[ProjectChanges]) -> Project:
        return self._door.ask(Project, "PATCH", f"projects/{id_of(project)}", body=changes)

    def sound_box(self, project: Ref) -> Box:
        return self._door.ask(Box, "POST", f"projects/{id_of(project)}/sound-box", is_safe=True)

    def delete_project(self, project: Ref) -> None:
        self._door.do("DELETE", f"projects/{id_of(project)}")

    def members(self, project: Ref) -> Rows[Member]:
        return self._door.ask(Rows[Member], "GET", f"projects/{id_of(project)}/members")

    def set_member(self, project: Ref, username: str, role: Role) -> Rows[Member]:
        body = {"username": username, "role": role}
        return self._door.ask(Rows[Member], "PUT", f"projects/{id_of(project)}/members", body=body)

    def remove_member(self, project: Ref, user: Ref) -> None:
        self._door.do("DELETE", f"projects/{id_of(project)}/members/{id_of(user)}")

    def create_sample_project(self) -> Project:
        return self._door.ask(Project, "POST", "projects/sample")

    # boxes

    def create_box(self, project: Ref, name: str, *, kind: BoxKind = BoxKind.SHOT, **fields: Unpack[BoxFields]) -> Box:
        body = {**fields, "name": name, "kind": kind}
        return self._door.ask(Box, "POST", f"projects/{id_of(project)}/box", body=body)

    def create_boxes(self, project: Ref, names: Sequence[str], *, kind: BoxKind = BoxKind.SHOT) -> Rows[Box]:
        body = {"names": list(names), "kind": kind}
        return self._door.ask(Rows[Box], "POST", f"projects/{id_of(project)}/boxes", body=body)

    def plan_shots(
        self, project: Ref, table: Table, *, update: bool = False, leave_out: Collection[str] = ()
    ) -> ShotTable:
        params = {"update": update, "leave_out": sorted(leave_out)}
        path = f"projects/{id_of(project)}/shots/plan"
        return self._door.read(ShotTable, self._door.send(path, [content_of(table)], params=params))

    def import_shots(
        self, project: Ref, table: Table, *, update: bool = False, leave_out: Collection[str] = ()
    ) -> Rows[Box]:
        params = {"update": update, "leave_out": sorted(leave_out)}
        content = iter([content_of(table)])  # sent once: a shot without a code would be made twice
        return self._door.read(Rows[Box], self._door.send(f"projects/{id_of(project)}/shots", content, params=params))

    def box(self, box: Ref) -> Box:
        return self._door.ask(Box, "GET", f"boxes/{id_of(box)}")

    def get_project_boxes(self, project: Ref, *, kind: BoxKind | None = None) -> Rows[Box]:
        return self._door.ask(Rows[Box], "GET", f"projects/{id_of(project)}/boxes", params={"kind": kind})

    def update_box(self, box: Ref, **changes: Unpack[BoxChanges]) -> Box:
        return self._door.ask(Box, "PATCH", f"boxes/{id_of(box)}", body=changes)

    def delete_box(self, box: Ref) -> None:
        self._door.do("DELETE", f"boxes/{id_of(box)}")

    def reorder_boxes(self, project: Ref, order: Sequence[Ref]) -> Rows[Box]:
        body = {"order": [id_of(box) for box in order]}
        return self._door.ask(Rows[Box], "PUT", f"projects/{id_of(project)}/order", body=body)

    def move_box(self, box: Ref, steps: int) -> Rows[Box]:
        return self._door.ask(Rows[Box], "POST", f"boxes/{id_of(box)}/move", body={"steps": steps})

    # takes

    def receive(self, box: Ref, upload: Upload, content: Iterable[bytes]) -> Arriving:
        params = upload.rights.model_dump() | upload.model_dump(include={"name", "size", "offset"})
        path = f"uploads/{id_of(box)}/{upload.id}"
        return self._door.read(Arriving, self._door.send(path, content, params=params))

    def received(self, box: Ref, upload_id: UUID) -> Arriving:
        return self._door.ask(Arriving, "GET", f"uploads/{id_of(box)}/{upload_id}")

    def known_files(self, project: Ref, sha256: Sequence[str]) -> frozenset[str]:
        path, body = f"projects/{id_of(project)}/known-files", {"sha256": list(sha256)}
        return self._door.ask(frozenset[str], "POST", path, body=body, is_safe=True)

    def models(self, asset_type: AssetType | None = None) -> Rows[AIModel]:
        return self._door.ask(Rows[AIModel], "GET", "models", params={"asset_type": asset_type})

    def generate(
        self,
        box: Ref,
        prompt: str,
        *,
        model: str = DEFAULT_IMAGE,
        params: Mapping[str, JsonValue] | None = None,
        inputs: Sequence[tuple[InputRole, Ref]] = (),
        n: int = 1,
        with_style: bool = True,
        token: str | None = None,
    ) -> Rows[Take]:
        body = {
            "prompt": prompt,
            "model": model,
            "params": params or {},
            "inputs": [{"role": role, "asset_id": id_of(source)} for role, source in inputs],
            "n": n,
            "with_style": with_style,
            "token": token or _order_token(),
        }
        return self._door.ask(Rows[Take], "POST", f"boxes/{id_of(box)}/generate", body=body, is_safe=True)

    def animate(
        self,
        asset: Ref,
        prompt: str = "",
        *,
        model: str = DEFAULT_VIDEO,
        with_style: bool = True,
        token: str | None = None,
    ) -> Take:
        body = {"prompt": prompt, "model": model, "with_style": with_style, "token": token or _order_token()}
        return self._door.ask(Take, "POST", f"assets/{id_of(asset)}/animate", body=body, is_safe=True)

    def edit(self, asset: Ref, words: str, *, n: int = 1, token: str | None = None) -> Rows[Take]:
        body = {"words": words, "n": n, "token": token or _order_token()}
        return self._door.ask(Rows[Take], "POST", f"assets/{id_of(asset)}/edit", body=body, is_safe=True)

    def continue_shot(
        self,
        box: Ref,
        prompt: str = "",
        *,
        clip: Ref | None = None,
        into: Ref | None = None,
        adds_shot: bool = False,
        model: str = DEFAULT_VIDEO,
        with_style: bool = True,
        token: str | None = None,
    ) -> Take:
        body = {
            "prompt": prompt,
            "clip_id": None if clip is None else id_of(clip),
            "into_id": None if into is None else id_of(into),
            "adds_shot": adds_shot,
            "model": model,
            "with_style": with_style,
            "token": token or _order_token(),
        }
        return self._door.ask(Take, "POST", f"boxes/{id_of(box)}/continue", body=body, is_safe=True)

    def again(self, asset: Ref, *, token: str | None = None) -> Take:
        body = {"token": token or _order_token()}
        return self._door.ask(Take, "POST", f"assets/{id_of(asset)}/again", body=body, is_safe=True)

    def asset(self, asset: Ref) -> Asset:
        return self._door.ask(Asset, "GET", f"assets/{id_of(asset)}")

    def get_box_assets(
        self,
        box: Ref,
        *,
        asset_type: AssetType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Take]:
        params = {
            "asset_type": asset_type,
            "status": status,
            "favorites": favorites,
            "min_rating": min_rating,
            "trashed": trashed,
            "cursor": cursor,
            "limit": limit,
        }
        return self._door.ask(Page[Take], "GET", f"boxes/{id_of(box)}/assets", params=params)

    def get_assets(self, assets: Sequence[Ref]) -> Rows[Take]:
        params = {"id": [id_of(asset) for asset in assets]}
        return self._door.ask(Rows[Take], "GET", "assets", params=params) if assets else Rows((), Take)

    def search_assets(
        self,
        text: str = "",
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        batch: Ref | None = None,
        asset_type: AssetType | None = None,
        source_type: SourceType | None = None,
        status: Status | None = None,
        favorites: bool = False,
        min_rating: int = 0,
        trashed: bool = False,
        ai_model: str | None = None,
        tag: str | None = None,
        created_by: Ref | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Take]:
        params = {
            "text": text,
            "project_id": _id(project),
            "box_id": _id(box),
            "batch_id": _id(batch),
            "asset_type": asset_type,
            "source_type": source_type,
            "status": status,
            "favorites": favorites,
            "min_rating": min_rating,
            "trashed": trashed,
            "ai_model": ai_model,
            "tag": tag,
            "created_by": _id(created_by),
            "since": since,
            "until": until,
            "cursor": cursor,
            "limit": limit,
        }
        return self._door.ask(Page[Take], "GET", "assets/search", params=params)

    def mark(self, marks: Sequence[Mark]) -> Marked:
        return self._door.ask(Marked, "POST", "assets/marks", body={"marks": marks}, is_safe=True)

    def count_assets(self, text: str = "", **wanted: Unpack[Wanted]) -> int:
        return self._door.ask(int, "GET", "assets/count", params={"text": text, **parts_of(wanted)})

    def mark_all(self, mark: Judgement, text: str = "", **wanted: Unpack[Wanted]) -> Job:
        body = {"mark": mark, "which": {"text": text, **parts_of(wanted)}}
        return self._door.ask(Job, "POST", "assets/mark-all", body=body)

    def get_favorite_assets(
        self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 200
    ) -> Page[Take]:
        params = {"project_id": _id(project), "cursor": cursor, "limit": limit}
        return self._door.ask(Page[Take], "GET", "favorites", params=params)

    def update_asset(self, asset: Ref, **changes: Unpack[AssetChanges]) -> Asset:
        return self._door.ask(Asset, "PATCH", f"assets/{id_of(asset)}", body=changes)

    def toggle_favorite(self, asset: Ref) -> Take:
        return self._take("favorite", asset)

    def set_headliner(self, box: Ref, asset: Ref | None) -> Box:
        return self._door.ask(Box, "PUT", f"boxes/{id_of(box)}/headliner", body={"asset_id": _id(asset)})

    def cancel(self, asset: Ref) -> Take:
        return self._take("cancel", asset)

    def check_again(self, asset: Ref) -> Take:
        return self._take("check-again", asset)

    def retry_download(self, asset: Ref) -> Take:
        return self._take("retry-download", asset)

    def paste_task_id(self, asset: Ref, text: str) -> Take:
        return self._take("task-id", asset, {"task_id": text})

    def regenerate(self, asset: Ref, *, may_bill_again: bool, token: str | None = None) -> Take:
        return self._take("regenerate", asset, {"may_bill_again": may_bill_again, "token": token})

    def give_up(self, asset: Ref) -> Take:
        return self._take("give-up", asset)

    def frame(self, asset: Ref, at_s: float | None = None, *, box: Ref | None = None) -> Take:
        return self._take("frame", asset, {"at_s": at_s, "box_id": None if box is None else id_of(box)})

    def spending(self, project: Ref) -> Spending:
        return self._door.ask(Spending, "GET", f"projects/{id_of(project)}/spending")

    def spending_by_day(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[SpendingDay]:
        params = {"project_id": _id(project), "since": since, "until": until}
        return self._door.ask(Rows[SpendingDay], "GET", "spending/days", params=params)

    def statement(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Rows[StatementRow]:
        params = {"project_id": None if project is None else id_of(project), "since": since, "until": until}
        return self._door.ask(Rows[StatementRow], "GET", "statement", params=params)

    def statement_csv(
        self, *, project: Ref | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> str:
        params = {"project_id": None if project is None else id_of(project), "since": since, "until": until}
        return self._door.do("GET", "statement.csv", params=params).content.decode("utf-8-sig", "replace")

    def keep(self, asset: Ref) -> Take:
        return self._take("keep", asset)

    def _take(self, act: str, asset: Ref, body: Mapping[str, Any] | None = None) -> Take:
        """A person's word about a take."""
        return self._door.ask(Take, "POST", f"assets/{id_of(asset)}/{act}", body=body)

    def queue(
        self,
        *,
        project: Ref | None = None,
        status: Status | None = None,
        created_by: Ref | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[QueueItem]:
        who = {"project_id": _id(project), "created_by": _id(created_by)}
        params = {**who, "status": status, "cursor": cursor, "limit": limit}
        return self._door.ask(Page[QueueItem], "GET", "queue", params=params)

    def queue_items(self, assets: Sequence[Ref]) -> Rows[QueueItem]:
        params = {"id": [id_of(asset) for asset in assets]}
        return self._door.ask(Rows[QueueItem], "GET", "queue/items", params=params) if assets else Rows((), QueueItem)

    def queue_summary(self) -> Rows[QueueSummary]:
        return self._door.ask(Rows[QueueSummary], "GET", "queue/summary")

    def decide(self, assets: Sequence[Ref], deed: Deed, *, may_bill_again: bool = False) -> Decided:
        body = {"asset_ids": [id_of(asset) for asset in assets], "deed": deed, "may_bill_again": may_bill_again}
        return self._door.ask(Decided, "POST", "queue/decide", body=body, is_safe=True)

    def provider_health(self) -> Rows[ProviderHealth]:
        return self._door.ask(Rows[ProviderHealth], "GET", "providers/health")

    # many at once

    def estimate_batch(self, project: Ref, order: BatchOrder) -> BatchPlan:
        path = f"projects/{id_of(project)}/batches/estimate"
        return self._door.ask(BatchPlan, "POST", path, body=order, is_safe=True)

    def order_batch(self, project: Ref, order: BatchOrder, *, token: str | None = None) -> Batch:
        body = {"order": order, "token": token or _order_token()}
        return self._door.ask(Batch, "POST", f"projects/{id_of(project)}/batches", body=body, is_safe=True)

    def batches(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 50) -> Page[Batch]:
        params = {"project_id": _id(project), "cursor": cursor, "limit": limit}
        return self._door.ask(Page[Batch], "GET", "batches", params=params)

    def batch(self, batch: Ref) -> Batch:
        return self._door.ask(Batch, "GET", f"batches/{id_of(batch)}")

    def pause_batch(self, batch: Ref) -> Batch:
        return self._door.ask(Batch, "POST", f"batches/{id_of(batch)}/pause", is_safe=True)

    def resume_batch(self, batch: Ref) -> Batch:
        return self._door.ask(Batch, "POST", f"batches/{id_of(batch)}/resume", is_safe=True)

    def cancel_batch(self, batch: Ref) -> Batch:
        return self._door.ask(Batch, "POST", f"batches/{id_of(batch)}/cancel", is_safe=True)

    def retry_batch(self, batch: Ref, *, token: str | None = None) -> Batch:
        body = {"token": token or _order_token()}
        return self._door.ask(Batch, "POST", f"batches/{id_of(batch)}/retry", body=body, is_safe=True)

    def delete_asset(self, asset: Ref) -> None:
        self._door.do("DELETE", f"assets/{id_of(asset)}")

    def file(self, asset: Ref, name: str) -> tuple[Path, str]:
        return self._files.file(id_of(asset), name)

    # what leaves the house

    def export_formats(self) -> Rows[ExportFormat]:
        return self._door.ask(Rows[ExportFormat], "GET", "export-formats")

    def export(self, project: Ref, format: str, path: Path, **choices: JsonValue) -> Exported:
        if any(found.is_long for found in self.export_formats() if found.name == format):
            job = ended(self.job, self.order_export(project, format, **choices))
            if job.state is not JobState.DONE:
                raise Unavailable("It was not made: {why}", why=job.error_message or job.state)
            return self.export_file(job, path)
        return self._files.export(f"/api/projects/{_id(project)}/export.{path_part(format)}", choices, path)

    def order_export(self, project: Ref, format: str, **choices: JsonValue) -> Job:
        body = {"choices": choices}
        return self._door.ask(Job, "POST", f"projects/{_id(project)}/exports/{path_part(format)}", body=body)

    def export_file(self, job: Ref, path: Path | None = None) -> Exported:
        return self._files.export(f"/api/exports/{_id(job)}", {}, path)

    def remember_export(self, format: str, **choices: JsonValue) -> None:
        self._door.do("PUT", f"export-formats/{path_part(format)}", body={"choices": choices})

    def download(self, asset: Ref, path: Path, *, metadata: bool = False) -> Exported:
        return self._files.download(id_of(asset), path, metadata=metadata)

    def import_archive(self, path: Path | str) -> Project:
        upload_id = new_id()
        job = send_archive(
            lambda offset, data, size: self.receive_archive(upload_id, [data], size=size, offset=offset),
            lambda: self.archive_received(upload_id),
            path,
            None,
        )
        job = ended(self.job, job)
        if job.state is not JobState.DONE or not isinstance(job.result, dict):
            raise Invalid("It was not brought in: {why}", field="path", why=job.error_message or job.state)
        return self.project(UUID(str(job.result["project_id"])))

    def receive_archive(
        self, upload_id: UUID, content: Iterable[bytes], *, size: int, offset: int = 0
    ) -> ArchiveArriving:
        params = {"size": size, "offset": offset}
        return self._door.read(ArchiveArriving, self._door.send(f"archives/{upload_id}", content, params=params))

    def archive_received(self, upload_id: UUID) -> ArchiveArriving:
        return self._door.ask(ArchiveArriving, "GET", f"archives/{upload_id}")

    # long work

    def jobs(self, project: Ref | None = None, *, cursor: str | None = None, limit: int = 100) -> Page[Job]:
        params = {"project_id": _id(project), "cursor": cursor, "limit": limit}
        return self._door.ask(Page[Job], "GET", "jobs", params=params)

    def job(self, job: Ref) -> Job:
        return self._door.ask(Job, "GET", f"jobs/{id_of(job)}")

    def cancel_job(self, job: Ref) -> Job:
        return self._door.ask(Job, "POST", f"jobs/{id_of(job)}/cancel")

    def pause_job(self, job: Ref) -> Job:
        return self._door.ask(Job, "POST", f"jobs/{id_of(job)}/pause")

    def resume_job(self, job: Ref) -> Job:
        return self._door.ask(Job, "POST", f"jobs/{id_of(job)}/resume")

    def rebuild_media(self, project: Ref) -> Job:
        return self._door.ask(Job, "POST", f"projects/{id_of(project)}/rebuild-media")

    def undo_job(self, job: Ref) -> Job:
        return self._door.ask(Job, "POST", f"jobs/{id_of(job)}/undo")

    # what leaves by itself, and what there is room for

    def storage(self, project: Ref | None = None) -> Rows[StorageUse]:
        where = "storage" if project is None else f"projects/{id_of(project)}/storage"
        return self._door.ask(Rows[StorageUse], "GET", where)

    def retention_plan(self, project: Ref | None = None) -> RetentionPlan:
        where = "retention" if project is None else f"projects/{id_of(project)}/retention"
        return self._door.ask(RetentionPlan, "GET", where)

    def leaving(self, project: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[Take]:
        params = {"cursor": cursor, "limit": limit}
        return self._door.ask(Page[Take], "GET", f"projects/{id_of(project)}/leaving", params=params)

    def run_retention(self, *, confirmed: bool = False) -> RetentionRun:
        return self._door.ask(RetentionRun, "POST", "retention/runs", body={"confirmed": confirmed})

    def retention_runs(self) -> Rows[RetentionRun]:
        return self._door.ask(Rows[RetentionRun], "GET", "retention/runs")

    def move_media(self) -> Job:
        return self._door.ask(Job, "POST", "move-media")

    def sweep(self, *, only_look: bool = False, confirmed: bool = False) -> Sweep:
        body = {"only_look": only_look, "confirmed": confirmed}
        return self._door.ask(Sweep, "POST", "sweeps", body=body, timeout_s=LONG_S)

    def sweeps(self) -> Rows[Sweep]:
        return self._door.ask(Rows[Sweep], "GET", "sweeps")

    def empty_trash(self, project: Ref) -> Emptied:
        return self._door.ask(Emptied, "POST", f"projects/{id_of(project)}/trash/empty")

    # sharing

    def publish_round(self, project: Ref, note: str = "") -> Round:
        return self._door.ask(Round, "POST", f"projects/{id_of(project)}/rounds", body={"note": note})

    def rounds(self, project: Ref) -> Rows[Round]:
        return self._door.ask(Rows[Round], "GET", f"projects/{id_of(project)}/rounds")

    def round_shots(self, round: Ref) -> Rows[RoundShot]:
        return self._door.ask(Rows[RoundShot], "GET", f"rounds/{id_of(round)}/shots")

    def create_link(
        self,
        project: Ref,
        label: str,
        *,
        days: int | None = None,
        until: date | None = None,
        password: str | None = None,
        can_comment: bool = True,
        can_approve: bool = False,
        can_download: bool = False,
        show_prompts: bool = False,
    ) -> MadeLink:
        body = {
            "label": label,
            "days": days,
            "until": until,
            "password": password,
            "can_comment": can_comment,
            "can_approve": can_approve,
            "can_download": can_download,
            "show_prompts": show_prompts,
        }
        return self._door.ask(MadeLink, "POST", f"projects/{id_of(project)}/links", body=body)

    def links(self, project: Ref | None = None, *, live: bool = False) -> Rows[SharedLink]:
        params = {"project_id": _id(project), "live": live}
        return self._door.ask(Rows[SharedLink], "GET", "links", params=params)

    def change_link(
        self,
        link: Ref,
        *,
        can_comment: bool | None = None,
        can_approve: bool | None = None,
        can_download: bool | None = None,
        show_prompts: bool | None = None,
    ) -> SharedLink:
        body = {
            "can_comment": can_comment,
            "can_approve": can_approve,
            "can_download": can_download,
            "show_prompts": show_prompts,
        }
        return self._door.ask(SharedLink, "PATCH", f"links/{id_of(link)}", body=body)

    def link_activity(self, link: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[LinkActivity]:
        params = {"cursor": cursor, "limit": limit}
        return self._door.ask(Page[LinkActivity], "GET", f"links/{id_of(link)}/activity", params=params)

    def revoke_link(self, link: Ref) -> None:
        self._door.do("DELETE", f"links/{id_of(link)}")

    # what is said about takes

    def comments(
        self,
        *,
        project: Ref | None = None,
        box: Ref | None = None,
        asset: Ref | None = None,
        unresolved: bool = False,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[Comment]:
        params = {
            "project_id": _id(project),
            "box_id": _id(box),
            "asset_id": _id(asset),
            "unresolved": unresolved,
            "cursor": cursor,
            "limit": limit,
        }
        return self._door.ask(Page[Comment], "GET", "comments", params=params)

    def add_comment(
        self,
        asset: Ref,
        text: str,
        *,
        visibility: Visibility = Visibility.INTERNAL,
        region: Region | None = None,
        timecode_s: float | None = None,
        end_s: float | None = None,
        answers: Ref | None = None,
    ) -> Comment:
        body = {
            "text": text,
            "visibility": visibility,
            "region": region,
            "timecode_s": timecode_s,
            "end_s": end_s,
            "answers": _id(answers),
        }
        return self._door.ask(Comment, "POST", f"assets/{id_of(asset)}/comments", body=body)

    def edit_comment(self, comment: Ref, text: str) -> Comment:
        return self._door.ask(Comment, "PATCH", f"comments/{id_of(comment)}", body={"text": text})

    def delete_comment(self, comment: Ref) -> None:
        self._door.do("DELETE", f"comments/{id_of(comment)}")

    def mark_comments(
        self,
        items: Sequence[Ref],
        *,
        is_read: bool | None = None,
        is_resolved: bool | None = None,
        is_hidden: bool | None = None,
    ) -> Rows[InboxItem]:
        marks = {"is_read": is_read, "is_resolved": is_resolved, "is_hidden": is_hidden}
        body = {"ids": [id_of(item) for item in items], **marks}
        return self._door.ask(Rows[InboxItem], "POST", "inbox/marks", body=body, is_safe=True)

    def give_verdict(self, box: Ref, verdict: Opinion) -> Verdict:
        return self._door.ask(Verdict, "POST", f"boxes/{id_of(box)}/verdicts", body={"verdict": verdict})

    def verdicts(self, project: Ref, *, box: Ref | None = None) -> Rows[Verdict]:
        params = {"box_id": _id(box)}
        return self._door.ask(Rows[Verdict], "GET", f"projects/{id_of(project)}/verdicts", params=params)

    def inbox(
        self,
        *,
        project: Ref | None = None,
        is_read: bool | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[InboxItem]:
        params = {"project_id": _id(project), "is_read": is_read, "cursor": cursor, "limit": limit}
        return self._door.ask(Page[InboxItem], "GET", "inbox", params=params)

    def unread(self) -> Rows[Unread]:
        return self._door.ask(Rows[Unread], "GET", "inbox/unread")

    # what I am told

    def notifications(self, *, unread: bool = False, cursor: str | None = None, limit: int = 50) -> Page[Notification]:
        params = {"unread": unread, "cursor": cursor, "limit": limit}
        return self._door.ask(Page[Notification], "GET", "notifications", params=params)

    def notification(self, notification: Ref) -> Notification:
        return self._door.ask(Notification, "GET", f"notifications/{id_of(notification)}")

    def unread_notifications(self) -> int:
        return self._door.ask(dict[str, int], "GET", "notifications/unread")["unread"]

    def mark_notifications_read(self, notifications: Iterable[Ref] | None = None) -> int:
        body = {"ids": None if notifications is None else [id_of(each) for each in notifications]}
        return self._door.ask(dict[str, int], "POST", "notifications/read", body=body, is_safe=True)["unread"]

    def notification_settings(self) -> NotificationSettings:
        return self._door.ask(NotificationSettings, "GET", "me/notifications")

    def set_notification_settings(
        self, channels: Mapping[NoticeKind, Sequence[Channel]] | None = None, *, digest: Digest | None = None
    ) -> NotificationSettings:
        body = {"channels": channels, "digest": digest}
        return self._door.ask(NotificationSettings, "PATCH", "me/notifications", body=body, is_safe=True)

    def set_email(self, email: str | None) -> User:
        return self._door.ask(User, "PUT", "me/email", body={"email": email}, is_safe=True)

    def send_test_mail(self) -> str:
        return self._door.ask(dict[str, str], "POST", "me/test-mail", timeout_s=LONG_S)["email"]

    def webhooks(self) -> Rows[Webhook]:
        return self._door.ask(Rows[Webhook], "GET", "me/webhooks")

    def add_webhook(
        self, name: str, url: str, *, preset: Preset = Preset.PLAIN, template: str | None = None
    ) -> MadeWebhook:
        body = {"name": name, "url": url, "preset": preset, "template": template}
        return self._door.ask(MadeWebhook, "POST", "me/webhooks", body=body)

    def change_webhook(self, webhook: Ref, *, is_active: bool | None = None, template: str | None = None) -> Webhook:
        body = {"is_active": is_active, "template": template}
        return self._door.ask(Webhook, "PATCH", f"me/webhooks/{id_of(webhook)}", body=body, is_safe=True)

    def test_webhook(self, webhook: Ref) -> Webhook:
        return self._door.ask(Webhook, "POST", f"me/webhooks/{id_of(webhook)}/test", timeout_s=LONG_S)

    def delete_webhook(self, webhook: Ref) -> None:
        self._door.do("DELETE", f"me/webhooks/{id_of(webhook)}")

    # live

    @contextmanager
    def events(self, project: Ref) -> Iterator[Subscription]:
        project_id = id_of(project)
        with listening(self._door.connection, project_id, lambda: self.project(project_id)) as subscription:
            yield subscription


def _id(thing: Ref | None) -> UUID | None:
    return None if thing is None else id_of(thing)
