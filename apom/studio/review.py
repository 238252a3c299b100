"""The door for whoever holds a review link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from apom.asking import id_of
from apom.models import Opinion, Page, Ref, Region, ReviewComment, ReviewDoor, ReviewRoom, Round, SharedLink
from apom.reviewing import Pass, ReviewFile

if TYPE_CHECKING:
    from apom.studio.house import Studio


class Review:
    """What one review link may do in one browser.

    The link is checked again on every call: unknown, expired, revoked, its password not given, all raise the same NotFound.
    """

    def __init__(self, studio: Studio, shown: Pass, address: str = "") -> None:
        self._studio = studio
        self._pass = shown
        self._address = address

    def id(self) -> UUID:
        """The link's id, its password given or not. Raises NotFound."""
        return self._studio.reviewing.live(self._pass)

    def door(self) -> ReviewDoor:
        """Whether this browser has to give a password first. Raises NotFound."""
        return self._studio.reviewing.door(self._pass)

    def admit(self, password: str) -> None:
        """Gives the password. Raises NotFound, NotSignedIn for a wrong one, TooMany."""
        self._studio.reviewing.admit(self._pass, password, self._address)

    def link(self) -> SharedLink:
        """The link itself. Raises NotFound."""
        return self._studio.reviewing.link(self._pass)

    def round(self) -> Round | None:
        """The last published round, None before the first. Raises NotFound."""
        return self._studio.reviewing.round(self._pass)

    def room(self) -> ReviewRoom:
        """What the link shows: the frozen shots in order; prompts only where it says so. Raises NotFound."""
        return self._studio.reviewing.room(self._pass)

    def visit(self) -> ReviewRoom:
        """The same for who comes in: what is new since the last visit is said, and this visit remembered. Raises NotFound."""
        return self._studio.reviewing.visit(self._pass)

    def looked(self, box: Ref) -> None:
        """A shot was looked at. Raises NotFound."""
        self._studio.reviewing.looked(self._pass, id_of(box))

    def call_me(self, name: str) -> None:
        """What the reviewer wants to be called. Raises NotFound, Invalid."""
        self._studio.reviewing.call(self._pass, name)

    def comments(self, *, cursor: str | None = None, limit: int = 200) -> Page[ReviewComment]:
        """What clients may read, newest first. Raises NotFound, Invalid."""
        return self._studio.reviewing.comments(self._pass, cursor, limit)

    def comment(
        self,
        asset: Ref,
        text: str,
        *,
        name: str = "",
        region: Region | None = None,
        timecode_s: float | None = None,
        end_s: float | None = None,
        answers: Ref | None = None,
    ) -> UUID:
        """Says something about a take of the last round or the one before, or answers; the comment's id.

        Raises NotFound, NotAllowed, Invalid, Conflict, TooMany.
        """
        fields = {"text": text, "region": region, "timecode_s": timecode_s, "end_s": end_s}
        parent = None if answers is None else id_of(answers)
        return self._studio.reviewing.comment(self._pass, id_of(asset), fields, name, parent)

    def edit_comment(self, comment: Ref, text: str) -> None:
        """Other words for one's own comment. Raises NotFound, NotAllowed, Invalid."""
        self._studio.reviewing.edit(self._pass, id_of(comment), text)

    def delete_comment(self, comment: Ref) -> None:
        """One's own comment, while nobody has answered. Raises NotFound, NotAllowed, Conflict."""
        self._studio.reviewing.delete(self._pass, id_of(comment))

    def give_verdict(self, box: Ref, round: Ref, verdict: Opinion, *, name: str = "") -> None:
        """Approves a shot of the last round, or asks for changes.

        Raises NotFound, NotAllowed, Invalid, TooMany, Conflict when another round was published meanwhile.
        """
        self._studio.reviewing.judge(self._pass, id_of(box), id_of(round), verdict, name)

    def takes_zip(self) -> tuple[str, Iterator[bytes]]:
        """The takes of the last round as a ZIP, where the link lets them be downloaded: its name, and its bytes piece by
        piece. The files are clean; the manifest has prompts only where the link shows them. Raises NotFound, NotAllowed,
        TooMany.
        """
        from apom.export.bundle import of_round
        from apom.export.exports import every_now_and_then
        from apom.names import called

        reviewing = self._studio.reviewing
        found = reviewing.pack(self._pass)
        ask = every_now_and_then(lambda: reviewing.may_download(self._pass))
        bundle = of_round(
            found.shots, found.files, self._studio._storage, prompts=found.shows_prompts, progress=lambda share: ask()
        )
        return called(f"{found.project_name} {found.round_number}", "zip"), self._studio.exports.sent.during(
            found.link_id, bundle.chunks
        )

    def file(self, asset: Ref, name: str, *, to_keep: bool = False) -> ReviewFile:
        """A file of a take that some round shows. `to_keep`: as a download. Raises NotFound, NotAllowed."""
        return self._studio.reviewing.file(self._pass, id_of(asset), name, to_keep=to_keep)
