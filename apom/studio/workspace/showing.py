"""What clients are shown."""

from __future__ import annotations

from datetime import date

from apom.asking import id_of
from apom.models import LinkActivity, MadeLink, Page, Ref, Round, RoundShot, Rows, SharedLink
from apom.studio.workspace.part import Part


class Showing(Part):
    """Rounds, and the links that show them."""

    def publish_round(self, project: Ref, note: str = "") -> Round:
        """Freezes the headliners in order as the next round. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.sharing.publish(self.actor, id_of(project), note)

    def rounds(self, project: Ref) -> Rows[Round]:
        """A project's rounds, newest first. Raises NotFound."""
        return Rows(self._studio.sharing.rounds(self.actor, id_of(project)), Round)

    def round_shots(self, round: Ref) -> Rows[RoundShot]:
        """The shots as a round froze them, in order. Raises NotFound."""
        return Rows(self._studio.sharing.shots(self.actor, id_of(round)), RoundShot)

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
        """A review link with its token and address, shown this once.

        It ends after `days`, or with the day `until`, wherever that ends last. Raises NotFound, NotAllowed, Invalid.
        """
        link, token = self._studio.sharing.create_link(
            self.actor,
            id_of(project),
            label,
            days=days,
            until=until,
            password=password,
            can_comment=can_comment,
            can_approve=can_approve,
            can_download=can_download,
            show_prompts=show_prompts,
        )
        is_local = self._studio.settings.is_local
        return MadeLink(link=link, token=token, url=self._studio.review_url(token), is_local=is_local)

    def links(self, project: Ref | None = None, *, live: bool = False) -> Rows[SharedLink]:
        """The review links of a project, or of all the actor's projects, newest first. `live`: only those that work.

        Raises NotFound.
        """
        wanted = None if project is None else id_of(project)
        return Rows(self._studio.sharing.links(self.actor, wanted, live), SharedLink)

    def change_link(
        self,
        link: Ref,
        *,
        can_comment: bool | None = None,
        can_approve: bool | None = None,
        can_download: bool | None = None,
        show_prompts: bool | None = None,
    ) -> SharedLink:
        """What those behind a link may do from now on; None leaves it as it is. Raises NotFound, NotAllowed."""
        switches = {
            "can_comment": can_comment,
            "can_approve": can_approve,
            "can_download": can_download,
            "show_prompts": show_prompts,
        }
        return self._studio.sharing.change(self.actor, id_of(link), switches)

    def link_activity(self, link: Ref, *, cursor: str | None = None, limit: int = 100) -> Page[LinkActivity]:
        """What was done with a link, newest first. Raises NotFound, Invalid."""
        return self._studio.sharing.activity(self.actor, id_of(link), cursor, limit)

    def revoke_link(self, link: Ref) -> None:
        """Ends a review link now. Raises NotFound, NotAllowed."""
        self._studio.sharing.revoke(self.actor, id_of(link))
