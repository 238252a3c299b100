"""What is under way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from apom.asking import id_of
from apom.decisions import one_by_one
from apom.errors import Invalid
from apom.generate import Order
from apom.models import Decided, Deed, Page, ProviderHealth, QueueItem, QueueSummary, Ref, Rows, Status, Take
from apom.studio.workspace.part import Part


class Deciding(Part):
    """The queue, and what only a person may decide; `Asset.answers` says which of it a take waits for."""

    # one take

    def again(self, asset: Ref, *, token: str | None = None) -> Take:
        """The same recipe once more: with the same seed when it failed, with another one when it did not.

        Raises as `generate` does.
        """
        take = self._studio.assets.get(self.actor, id_of(asset))
        failed = take.status in (Status.FAILED, Status.CANCELLED)
        order = Order(
            prompt=take.prompt_text,
            model=take.ai_model,
            params={name: value for name, value in take.generation_config.items() if failed or value != take.seed},
            inputs=[(used.role, used.source_asset_id) for used in take.inputs],
            token=token,
            again_of=take.id if failed else None,
        )
        return self._studio.generate.order(self.actor, take.box_id, order)[0]

    def cancel(self, asset: Ref) -> Take:
        """Stops a take; one that was sent is followed for its cost, and offered if it comes. See `Decisions.cancel`."""
        return self._studio.decisions.cancel(self.actor, id_of(asset))

    def check_again(self, asset: Ref) -> Take:
        """Asks the provider once more, with a new deadline. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.check_again(self.actor, id_of(asset))

    def retry_download(self, asset: Ref) -> Take:
        """Fetches the finished file once more. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.retry_download(self.actor, id_of(asset))

    def paste_task_id(self, asset: Ref, text: str) -> Take:
        """The provider's own id for a lost take; the provider is asked. See `Decisions.paste_task_id`."""
        return self._studio.decisions.paste_task_id(self.actor, id_of(asset), text)

    def regenerate(self, asset: Ref, *, may_bill_again: bool, token: str | None = None) -> Take:
        """The same recipe as a new take, knowing that both may be billed; this one is given up. Pressed twice it is one.

        Raises NotFound, NotAllowed, Conflict, Invalid.
        """
        take = self._studio.assets.get(self.actor, id_of(asset))
        if not may_bill_again:
            raise Invalid(
                "The first one may have been billed. Say that it may be billed again, or check first.",
                field="may_bill_again",
            )
        inputs = [(used.role, used.source_asset_id) for used in take.inputs]
        order = Order(
            prompt=take.prompt_text,
            model=take.ai_model,
            params=take.generation_config,
            inputs=inputs,
            token=token or f"regenerate-{take.id}",
            instead_of=take.id,
        )
        return self._studio.generate.order(self.actor, take.box_id, order)[0]

    def give_up(self, asset: Ref) -> Take:
        """Counts it as failed; what arrives after all is offered. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.give_up(self.actor, id_of(asset))

    def keep(self, asset: Ref) -> Take:
        """Takes what arrived after it was stopped. Raises NotFound, NotAllowed, Conflict."""
        return self._studio.decisions.keep(self.actor, id_of(asset))

    # the queue

    def queue(
        self,
        *,
        project: Ref | None = None,
        status: Status | None = None,
        created_by: Ref | None = None,
        cursor: str | None = None,
        limit: int = 200,
    ) -> Page[QueueItem]:
        """What is on its way or waits for a person, in the order it was asked for.

        `status=FAILED`: what failed in the last seven days and was not ordered again, and what arrived after it was
        stopped, the newest first. Raises NotFound, Invalid.
        """
        project_id = None if project is None else id_of(project)
        person = None if created_by is None else id_of(created_by)
        return self._studio.queue.page(self.actor, project_id, status, person, cursor, limit)

    def queue_items(self, assets: Sequence[Ref]) -> Rows[QueueItem]:
        """Those of these takes that are in the queue, failed ones included. Raises Invalid for more than `LIMITS.marks`."""
        return Rows(self._studio.queue.several(self.actor, [id_of(asset) for asset in assets]), QueueItem)

    def queue_summary(self) -> Rows[QueueSummary]:
        """How many takes of each project are on their way, and how many wait for a person."""
        return Rows(self._studio.queue.summary(self.actor), QueueSummary)

    def decide(self, assets: Sequence[Ref], deed: Deed, *, may_bill_again: bool = False) -> Decided:
        """Does the same to many takes, each for itself: one that is refused holds up no other.

        Repeated it does nothing twice. `may_bill_again`: for REGENERATE, as in `regenerate`. Raises Invalid for none or
        more than `LIMITS.marks`.
        """
        acts: dict[Deed, Callable[[UUID], Take]] = {
            Deed.CANCEL: self.cancel,
            Deed.AGAIN: lambda id: self.again(id, token=f"again-{id}"),
            Deed.CHECK_AGAIN: self.check_again,
            Deed.RETRY_DOWNLOAD: self.retry_download,
            Deed.REGENERATE: lambda id: self.regenerate(id, may_bill_again=may_bill_again),
            Deed.GIVE_UP: self.give_up,
            Deed.KEEP: self.keep,
        }
        return one_by_one(self.actor, [id_of(asset) for asset in assets], acts[deed])

    def provider_health(self) -> Rows[ProviderHealth]:
        """How each provider has been doing."""
        return Rows(self._studio.queue.providers(), ProviderHealth)
