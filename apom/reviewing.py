"""What one may do behind a review link: look at the last round, say something about it, decide.

The link is asked anew in every call. Whatever is wrong with it (never there, expired, revoked, its password not given), the
answer is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

from apom.accounts import Passwords, Tries, token_hash
from apom.assets import media_type
from apom.comments import check_comment, told, unanswered
from apom.config import LIMITS
from apom.errors import ApomError, Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooMany
from apom.events import Hub
from apom.fields import CommentFields, check, check_reviewer
from apom.models import (
    AssetType,
    Comment,
    Event,
    LinkAction,
    Opinion,
    Page,
    ReviewComment,
    ReviewDoor,
    Reviewer,
    ReviewRoom,
    ReviewShot,
    ReviewTake,
    Round,
    RoundShot,
    SharedLink,
    Verdict,
    Visibility,
    new_id,
)
from apom.store import Store, Tx, comments, reviewers, sharing, verdicts

if TYPE_CHECKING:
    from apom.media.storage import LocalStorage

NEW_VISIT = timedelta(minutes=30)  # who was away for so long comes anew
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What a browser shows at the door: the link's token, and a secret of its own that tells it from other browsers.

    `link_id`: which link it says that this is; None where only the token speaks.
    """

    token: str
    browser: str = ""
    link_id: UUID | None = None

    def __repr__(self) -> str:
        return "Pass(…)"


def gone() -> ApomError:
    """The one answer about a link that does not open."""
    return NotFound("This link is not valid. Ask whoever sent it for a new one.")


def changed(now: RoundShot, before: RoundShot | None) -> Literal["new", "take", "trim"] | None:
    """What is different about a shot since another round."""
    if before is None:
        return "new"
    if now.asset_id != before.asset_id:
        return "take"
    return None if (now.in_s, now.out_s) == (before.in_s, before.out_s) else "trim"


class ReviewFile(NamedTuple):
    """A stored file as those behind a link get it. `keeps_words`: with the prompts that may lie in it."""

    path: Path
    media_type: str
    keeps_words: bool


@dataclass(frozen=True, kw_only=True)
class RoundFiles:
    """What those behind a link take along. `files`: by the take's id, without those that are gone."""

    link_id: UUID
    project_name: str
    round_number: int
    shots: tuple[RoundShot, ...]
    files: Mapping[UUID, Mapping[str, Any]]
    shows_prompts: bool


class Reviewing:
    """The service behind `apom.studio.Review`."""

    def __init__(self, store: Store, storage: LocalStorage, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._storage = storage
        self._hub = hub
        self._clock = clock
        self._passwords = Passwords()
        self._tries = Tries(clock)

    def _link(self, tx: Tx, shown: Pass) -> SharedLink:
        link = sharing.live_link(tx, token_hash(shown.token), self._clock())
        if link is None or shown.link_id not in (None, link.id):
            raise gone()
        return link

    def _reviewer(self, tx: Tx, link: SharedLink, shown: Pass) -> Reviewer | None:
        return reviewers.get(tx, link.id, token_hash(shown.browser)) if shown.browser else None

    def _enter(self, tx: Tx, shown: Pass) -> tuple[SharedLink, Reviewer | None]:
        """The link and who looks through it. Raises NotFound, also while its password is not given."""
        link = self._link(tx, shown)
        reviewer = self._reviewer(tx, link, shown)
        if link.has_password and (reviewer is None or reviewer.admitted_at is None):
            raise gone()
        return link, reviewer

    def _welcome(self, tx: Tx, link: SharedLink, shown: Pass) -> Reviewer:
        """The reviewer of this browser, a new one when it comes for the first time."""
        found = self._reviewer(tx, link, shown)
        if found is not None:
            return found
        if not shown.browser:
            raise gone()
        now = self._clock()
        reviewer = Reviewer(
            id=new_id(), link_id=link.id, project_id=link.project_id, visit_at=now, seen_at=now, created_at=now
        )
        reviewers.insert(tx, reviewer, token_hash(shown.browser))
        return reviewer

    def link(self, shown: Pass) -> SharedLink:
        """The link itself, its password given. Raises NotFound."""
        with self._store.read() as tx:
            return self._enter(tx, shown)[0]

    def live(self, shown: Pass) -> UUID:
        """The link's id, its password given or not. Raises NotFound."""
        with self._store.read() as tx:
            return self._link(tx, shown).id

    def door(self, shown: Pass) -> ReviewDoor:
        """Whether the link asks this browser for its password. Raises NotFound."""
        with self._store.read() as tx:
            link = self._link(tx, shown)
            reviewer = self._reviewer(tx, link, shown)
        return ReviewDoor(asks_password=link.has_password and (reviewer is None or reviewer.admitted_at is None))

    def admit(self, shown: Pass, password: str, address: str) -> None:
        """Gives the link's password. Raises NotFound, NotSignedIn for a wrong one, TooMany after several."""
        with self._store.read() as tx:
            link = self._link(tx, shown)
            hashed = sharing.password_hash(tx, link.id)
        who = (str(link.id), address)
        if wait := self._tries.wait_s(who):
            raise TooMany("Too many wrong passwords. Try again in {seconds} s.", retry_after_s=wait)
        if hashed is not None and not self._passwords.verify(hashed, password[: LIMITS.name_chars * 2]):
            self._tries.failed(who)
            raise NotSignedIn("That is not the password of this link. Ask whoever sent it.")
        self._tries.succeeded(who)
        with self._store.write() as tx:
            reviewers.admit(tx, self._welcome(tx, self._link(tx, shown), shown).id, self._clock())

    def visit(self, shown: Pass) -> ReviewRoom:
        """Comes in, and remembers which round was shown: what is new is new since the visit before. Raises NotFound."""
        now = self._clock()
        with self._store.write() as tx:
            link, _ = self._enter(tx, shown)
            known = self._reviewer(tx, link, shown)
            reviewer = known or self._welcome(tx, link, shown)
            round = sharing.last_round(tx, link.project_id)
            is_new = known is None or now - reviewer.seen_at > NEW_VISIT
            reviewer = _arrived(reviewer, round.number if round else None, now, is_new and known is not None)
            reviewers.set_visit(tx, reviewer)
            if is_new or known is None or known.round_seen is None:
                reviewers.note(tx, reviewer, LinkAction.OPENED, now)
            return self._room(tx, link, reviewer, round)

    def room(self, shown: Pass) -> ReviewRoom:
        """What the link shows now. Raises NotFound."""
        with self._store.read() as tx:
            link, reviewer = self._enter(tx, shown)
            return self._room(tx, link, reviewer, sharing.last_round(tx, link.project_id))

    def round(self, shown: Pass) -> Round | None:
        """The last published round, None before the first. Raises NotFound."""
        with self._store.read() as tx:
            return sharing.last_round(tx, self._enter(tx, shown)[0].project_id)

    def _room(self, tx: Tx, link: SharedLink, reviewer: Reviewer | None, round: Round | None) -> ReviewRoom:
        format = sharing.format_of(tx, link.project_id)
        return ReviewRoom(
            **format,
            can_comment=link.can_comment,
            can_approve=link.can_approve,
            can_download=link.can_download,
            round_id=round.id if round else None,
            round_number=round.number if round else None,
            note=round.note if round else "",
            published_at=round.published_at if round else None,
            shots=self._shots(tx, link, reviewer, round) if round else (),
            soundtrack=_soundtrack(tx, link, round),
            name=reviewer.name if reviewer else "",
            last_visit_at=reviewer.before_at if reviewer else None,
        )

    def _shots(self, tx: Tx, link: SharedLink, reviewer: Reviewer | None, round: Round) -> tuple[ReviewShot, ...]:
        """The frozen shots with what became of them since the round before and since the last visit."""
        frozen = sharing.shots(tx, link.project_id, round.number)
        previous = {shot.box_id: shot for shot in sharing.shots(tx, link.project_id, round.number - 1)}
        since = reviewer.round_before if reviewer else None
        seen = {shot.box_id: shot for shot in sharing.shots(tx, link.project_id, since)} if since else {}
        ids = {shot.asset_id for shot in (*frozen, *previous.values()) if shot.asset_id}
        takes = {id: _take(link, row) for id, row in sharing.takes(tx, ids).items()}
        said = verdicts.last_words(tx, round.id)

        def shown(shot: RoundShot) -> ReviewShot:
            words = [word for word in said if word["box_id"] == shot.box_id]
            old = previous.get(shot.box_id)
            own = (word["verdict"] for word in words if reviewer and word["reviewer_id"] == reviewer.id)
            return ReviewShot(
                **shot.model_dump(include={"box_id", "code", "name", "in_s", "out_s", "duration_s"}),
                take=takes.get(shot.asset_id) if shot.asset_id else None,
                previous=takes.get(old.asset_id) if old and old.asset_id and old.asset_id != shot.asset_id else None,
                changed=changed(shot, seen.get(shot.box_id)) if since and since != round.number else None,
                verdict=next(own, None),
                approvals=sum(word["verdict"] == Opinion.APPROVED for word in words),
                changes_wanted=sum(word["verdict"] == Opinion.CHANGES_WANTED for word in words),
            )

        return tuple(shown(shot) for shot in frozen)

    # what is said

    def comments(self, shown: Pass, cursor: str | None, limit: int) -> Page[ReviewComment]:
        """What clients may read, newest first. Raises NotFound, Invalid."""
        with self._store.read() as tx:
            link, reviewer = self._enter(tx, shown)
            return comments.for_reviewers(tx, link.project_id, reviewer.id if reviewer else None, cursor, limit)

    def comment(
        self, shown: Pass, asset_id: UUID, fields: Mapping[str, object], name: str, parent_id: UUID | None
    ) -> UUID:
        """Says something about a take of the last round, or answers; the comment's id.

        `name`: what the reviewer calls themself. Raises NotFound, NotAllowed, Invalid, TooMany.
        """
        with self._store.write() as tx:
            link, reviewer = self._writes(tx, shown, name)
            if not link.can_comment:
                raise NotAllowed("This link is for looking. Comments are closed.")
            root = self._answered(tx, link, parent_id) if parent_id else None
            if root is None:
                round_id, box_id = self._shown_take(tx, link, asset_id)
            else:
                asset_id, round_id, box_id = root["asset_id"], root["round_id"], root["box_id"]
            take = sharing.takes(tx, [asset_id]).get(asset_id)
            if take is None:
                raise Conflict("This take is no longer kept.")
            said = check_comment(fields, AssetType(take["asset_type"]), take["duration_s"])
            now = self._clock()
            comment = Comment(
                id=new_id(),
                project_id=link.project_id,
                box_id=box_id,
                box_code="",
                box_name="",
                asset_id=asset_id,
                round_id=round_id,
                link_id=link.id,
                parent_comment_id=root["id"] if root else None,
                author_name=reviewer.name,
                visibility=Visibility.CLIENT,
                created_at=now,
                updated_at=now,
                **said,
            )
            comments.insert(tx, comment, reviewer.id)
            reviewers.note(tx, reviewer, LinkAction.COMMENTED, now, box_id)
        self._hub.publish(told(comment))
        return comment.id

    @staticmethod
    def _answered(tx: Tx, link: SharedLink, parent_id: UUID) -> dict[str, Any]:
        """The first comment of the thread that is answered."""
        parent = comments.said_to_clients(tx, link.project_id, parent_id)
        if parent and parent["parent_comment_id"]:
            parent = comments.said_to_clients(tx, link.project_id, parent["parent_comment_id"])
        if parent is None:
            raise Invalid("What you answer is no longer there.", field="parent_comment_id")
        return parent

    @staticmethod
    def _shown_take(tx: Tx, link: SharedLink, asset_id: UUID) -> tuple[UUID, UUID]:
        """The last round and the shot in which it shows that take, or the round before."""
        round = sharing.last_round(tx, link.project_id)
        numbers = (round.number, round.number - 1) if round else ()
        for number in numbers:
            for shot in sharing.shots(tx, link.project_id, number):
                if shot.asset_id == asset_id and sharing.takes(tx, [asset_id]):
                    return shot.round_id, shot.box_id
        raise Conflict("A new round was published, and this take is not in it. Look at the new one first.")

    def edit(self, shown: Pass, comment_id: UUID, text: str) -> None:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        with self._store.write() as tx:
            link, own = self._own(tx, shown, comment_id)
            words = check(CommentFields, {"text": text})["text"]
            comments.set_text(tx, comment_id, words, self._clock())
        self._hub.publish(self._about(link, own))

    def delete(self, shown: Pass, comment_id: UUID) -> None:
        """One's own comment, while nobody has answered. Raises NotFound, NotAllowed, Conflict."""
        with self._store.write() as tx:
            link, own = self._own(tx, shown, comment_id)
            unanswered(tx, comment_id)
            comments.delete(tx, comment_id)
        self._hub.publish(self._about(link, own))

    def _own(self, tx: Tx, shown: Pass, comment_id: UUID) -> tuple[SharedLink, dict[str, Any]]:
        link, reviewer = self._enter(tx, shown)
        found = comments.said_to_clients(tx, link.project_id, comment_id)
        if found is None:
            raise NotFound
        if reviewer is None or found["reviewer_id"] != reviewer.id:
            raise NotAllowed("Only who wrote a comment can change it, from the browser it was written in.")
        if not link.can_comment:
            raise NotAllowed("This link is for looking. Comments are closed.")
        return link, found

    @staticmethod
    def _about(link: SharedLink, comment: Mapping[str, Any]) -> Event:
        return Event(
            type="comment",
            project_id=link.project_id,
            box_id=comment["box_id"],
            asset_id=comment["asset_id"],
            comment_id=comment["id"],
            visibility=Visibility.CLIENT,
        )

    def judge(self, shown: Pass, box_id: UUID, round_id: UUID, verdict: Opinion, name: str) -> None:
        """Approves a shot of the last round, or asks for changes. Raises NotFound, NotAllowed, Invalid, Conflict, TooMany."""
        with self._store.write() as tx:
            link, reviewer = self._writes(tx, shown, name)
            if not link.can_approve:
                raise NotAllowed("This link is not for approving.")
            round = sharing.last_round(tx, link.project_id)
            if round is None or round.id != round_id:
                raise Conflict("A new round was published. Look at it first, then decide.")
            shots = sharing.shots(tx, link.project_id, round.number)
            shot = next((shot for shot in shots if shot.box_id == box_id and shot.asset_id), None)
            if shot is None:
                raise NotFound
            given = Verdict(
                id=new_id(),
                project_id=link.project_id,
                round_id=round.id,
                round_number=round.number,
                box_id=box_id,
                box_code=shot.code,
                asset_id=shot.asset_id,
                link_id=link.id,
                name=reviewer.name,
                verdict=verdict,
                created_at=self._clock(),
            )
            verdicts.insert(tx, given, reviewer.id)
            reviewers.note(tx, reviewer, LinkAction(verdict.value), given.created_at, box_id)
        self._hub.publish(Event(type="verdict", project_id=link.project_id, box_id=box_id, asset_id=shot.asset_id))

    def _writes(self, tx: Tx, shown: Pass, name: str) -> tuple[SharedLink, Reviewer]:
        """The link and its reviewer under the name that is given; they may say one thing more. Raises TooMany, Invalid."""
        link, _ = self._enter(tx, shown)
        reviewer = self._welcome(tx, link, shown)
        called = check_reviewer(name or reviewer.name)
        now = self._clock()
        if reviewers.count(tx, link.id, now - MINUTE, reviewer.id) >= LIMITS.link_comments_minute:
            raise TooMany("That was a lot at once. Go on in {seconds} s.", retry_after_s=MINUTE.total_seconds() / 2)
        if reviewers.count(tx, link.id, now - DAY) >= LIMITS.link_comments_day:
            raise TooMany("This link has taken all it takes in a day.", retry_after_s=3600)
        if called != reviewer.name:
            reviewers.set_name(tx, reviewer.id, called)
        return link, reviewer.model_copy(update={"name": called})

    def call(self, shown: Pass, name: str) -> None:
        """What the reviewer wants to be called, also under what they have said. Raises NotFound, Invalid."""
        with self._store.write() as tx:
            link, _ = self._enter(tx, shown)
            reviewers.set_name(tx, self._welcome(tx, link, shown).id, check_reviewer(name))

    def looked(self, shown: Pass, box_id: UUID) -> None:
        """A shot was looked at: remembered once a visit. Raises NotFound."""
        with self._store.write() as tx:
            link, reviewer = self._enter(tx, shown)
            round = sharing.last_round(tx, link.project_id)
            shots = sharing.shots(tx, link.project_id, round.number) if round else ()
            if reviewer is None or box_id not in {shot.box_id for shot in shots}:
                raise NotFound
            if not reviewers.has_noted(tx, reviewer, LinkAction.VIEWED, reviewer.visit_at, box_id):
                reviewers.note(tx, reviewer, LinkAction.VIEWED, self._clock(), box_id)

    def file(self, shown: Pass, asset_id: UUID, name: str, *, to_keep: bool) -> ReviewFile:
        """A file of a take that some round shows. `to_keep`: it is downloaded.

        Raises NotFound, NotAllowed.
        """
        with self._store.read() as tx:
            link, reviewer = self._enter(tx, shown)
            found = sharing.file_key(tx, link.project_id, asset_id, name)
        if found is None:
            raise NotFound
        if to_keep and not link.can_download:
            raise NotAllowed("This link is not for downloading.")
        path = self._storage.path(found["key"])
        if to_keep:
            self._note_download(reviewer)
        return ReviewFile(path, media_type(found["key"], found["mime"]), link.show_prompts)

    def pack(self, shown: Pass) -> RoundFiles:
        """What the last round shows, to be downloaded together. Raises NotFound, also before the first round, NotAllowed."""
        with self._store.read() as tx:
            link, reviewer = self._downloads(tx, shown)
            round = sharing.last_round(tx, link.project_id)
            if round is None:
                raise NotFound
            shots = sharing.shots(tx, link.project_id, round.number)
            files = sharing.originals(tx, {shot.asset_id for shot in shots if shot.asset_id})
        self._note_download(reviewer)
        return RoundFiles(
            link_id=link.id,
            project_name=link.project_name,
            round_number=round.number,
            shots=shots,
            files=files,
            shows_prompts=link.show_prompts,
        )

    def may_download(self, shown: Pass) -> None:
        """Raises NotFound, NotAllowed."""
        with self._store.read() as tx:
            self._downloads(tx, shown)

    def _downloads(self, tx: Tx, shown: Pass) -> tuple[SharedLink, Reviewer | None]:
        link, reviewer = self._enter(tx, shown)
        if not link.can_download:
            raise NotAllowed("This link is not for downloading.")
        return link, reviewer

    def _note_download(self, reviewer: Reviewer | None) -> None:
        if reviewer is not None:
            with self._store.write() as tx:
                reviewers.note(tx, reviewer, LinkAction.DOWNLOADED, self._clock())


def _arrived(reviewer: Reviewer, round: int | None, now: datetime, comes_back: bool) -> Reviewer:
    """Who comes back after a while, or sees a round for the first time, is shown what is new since what they saw last."""
    visit = {"visit_at": now, "before_at": reviewer.seen_at} if comes_back else {}
    seen = {"round_before": reviewer.round_seen, "round_seen": round}
    is_news = comes_back or round != reviewer.round_seen
    return reviewer.model_copy(update={**visit, **(seen if is_news else {}), "seen_at": now})


def _soundtrack(tx: Tx, link: SharedLink, round: Round | None) -> ReviewTake | None:
    if round is None or round.soundtrack_asset_id is None:
        return None
    found = sharing.takes(tx, [round.soundtrack_asset_id])
    return next((_take(link, row) for row in found.values()), None)


def _take(link: SharedLink, row: Mapping[str, Any]) -> ReviewTake:
    def url(key: str | None) -> str | None:
        return None if key is None else f"/review/m/{link.id}/" + key.split("/a/", 1)[1]

    return ReviewTake(
        **{name: row[name] for name in ("id", "number", "asset_type", "placeholder", "mime", "width", "height")},
        duration_s=row["duration_s"],
        fps=row["fps"],
        file_url=url(row["file_key"]),
        thumbnail_url=url(row["thumb_key"]),
        preview_url=url(row["preview_key"]),
        prompt_text=row["prompt_text"] if link.show_prompts else None,
    )
