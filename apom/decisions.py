"""What only a person may decide: to stop a take, and what becomes of one whose fate the engine cannot know.

The engine's own state of a submission stays as it is, the decision lies over it: what was sent is followed to its end,
for what it cost, and what arrives after all is kept and offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from apom.answers import answers_about
from apom.assets import need_take
from apom.config import LIMITS
from apom.errors import ApomError, Conflict, Invalid, ProviderError, Unavailable
from apom.events import Hub
from apom.models import Actor, Answer, Decided, Event, Generation, Json, Refusal, Role, State, Status, Take
from apom.store import Store, Tx, assets, audit, generations, ledger
from apom.words import N_, say

TASK_ID = re.compile(r"[\x21-\x7e]{1,200}")
STOPPED = N_(
    "It was stopped after it had been sent. The provider may bill it; if it arrives after all, it can be kept."
)
GIVEN_UP = N_("It was given up. The provider may have billed it; if it arrives after all, it can be kept.")


def need_answer(tx: Tx, actor: Actor, asset_id: UUID, answer: Answer) -> tuple[Take, Generation]:
    """The take and its submission, if the actor may answer so now. Raises NotFound, NotAllowed, Conflict."""
    take = need_take(tx, actor, asset_id, Role.EDITOR)
    generation = generations.of_take(tx, asset_id)
    if generation is None or answer not in answers_about(take, generation):
        raise Conflict("This take does not wait for that answer, or somebody has answered already. Look at it again.")
    return take, generation


def settle(tx: Tx, actor: Actor, asset_id: UUID, answer: Answer, now: datetime) -> Take:
    """The take is counted as failed, at a person's word. Raises NotFound, NotAllowed, Conflict."""
    take, generation = need_answer(tx, actor, asset_id, answer)
    if not generations.speak(tx, generation, now, decision=Status.FAILED):
        _somebody_was_faster()
    assets.set_status(tx, [generation.asset_id], Status.FAILED, GIVEN_UP, now)
    _remember(tx, actor, take, str(answer), now)
    return take


def stop(tx: Tx, found: Sequence[Generation], now: datetime) -> None:
    """Stops submissions as they are now. What was sent is entered into the ledger: it may be billed."""
    generations.cancel(tx, [g.id for g in found], now)
    sent = [g for g in found if g.may_be_paid]
    is_play = {sha256: generations.is_play(tx, sha256) for sha256 in {g.snapshot for g in sent}}
    ledger.enter_new(tx, [(g, is_play[g.snapshot]) for g in sent], now)
    assets.set_status(tx, [g.asset_id for g in sent], Status.CANCELLED, STOPPED, now)
    assets.set_status(tx, [g.asset_id for g in found if not g.may_be_paid], Status.CANCELLED, None, now)


def _remember(tx: Tx, actor: Actor, take: Take, what: str, now: datetime) -> None:
    audit.append(tx, now, actor.username, f"asset.{what}", f"asset:{take.id} project:{take.project_id}")


def _somebody_was_faster() -> NoReturn:
    raise Conflict("Somebody was faster, or it has just moved on by itself. Look at it again.")


def one_by_one(actor: Actor, ids: Sequence[UUID], act: Callable[[UUID], Take]) -> Decided:
    """Does the same to each, in transactions of their own; a refusal is kept with its sentence and holds up no other.

    Raises Invalid for none or too many.
    """
    if not 1 <= len(ids) <= LIMITS.marks:
        raise Invalid("Choose 1 to {most} takes.", field="asset_ids", most=LIMITS.marks)
    takes, refused = list[Take](), list[Refusal]()
    for id in dict.fromkeys(ids):
        try:
            takes.append(act(id))
        except ApomError as error:
            refused.append(Refusal(asset_id=id, code=error.code, detail=say(error, actor.language)))
    return Decided(takes=tuple(takes), refused=tuple(refused))


class Decisions:
    """`heed`: the engine reads a submission again. `confirm`: the provider's task behind an id, if the provider knows it.

    Two who decide at once: one wins, the other is told. All of it is remembered in the audit.
    """

    def __init__(
        self,
        store: Store,
        hub: Hub,
        clock: Callable[[], datetime],
        heed: Callable[[UUID], None],
        confirm: Callable[[Generation, str], tuple[str, Json]],
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._heed = heed
        self._confirm = confirm

    def cancel(self, actor: Actor, asset_id: UUID) -> Take:
        """Stops a take. Before it is sent nothing is paid; afterwards it is followed for its cost, and offered if it comes.

        Raises NotFound, NotAllowed, and Conflict when it is not on its way.
        """
        now = self._clock()
        with self._store.write() as tx:
            take = need_take(tx, actor, asset_id, Role.EDITOR)
            generation = generations.of_take(tx, asset_id)
            if generation is None or take.status not in (Status.PENDING, Status.PROCESSING):
                raise Conflict("It is not on its way, so there is nothing to cancel.")
            stop(tx, [generation], now)
            _remember(tx, actor, take, "cancel", now)
        return self._decided(take, generation, Status.CANCELLED)

    def check_again(self, actor: Actor, asset_id: UUID) -> Take:
        """Asks the provider once more, with a new deadline. Raises NotFound, NotAllowed, Conflict."""
        now = self._clock()
        with self._store.write() as tx:
            take, generation = need_answer(tx, actor, asset_id, Answer.CHECK_AGAIN)
            state = State.PROCESSING if generation.task_id else State.SUBMITTING  # there it is looked up
            if not generations.speak(tx, generation, now, state=state, looks_anew=bool(generation.task_id)):
                _somebody_was_faster()
            assets.set_status(tx, [asset_id], Status.PROCESSING, None, now)
            _remember(tx, actor, take, "check_again", now)
        return self._decided(take, generation, Status.PROCESSING)

    def retry_download(self, actor: Actor, asset_id: UUID) -> Take:
        """Fetches the finished file once more. Raises NotFound, NotAllowed, Conflict."""
        now = self._clock()
        with self._store.write() as tx:
            take, generation = need_answer(tx, actor, asset_id, Answer.RETRY_DOWNLOAD)
            task = {**generation.task, "done_at": now.isoformat()}
            if not generations.speak(tx, generation, now, state=State.STORING, task=task):
                _somebody_was_faster()
            assets.set_status(tx, [asset_id], Status.PROCESSING, None, now)
            _remember(tx, actor, take, "retry_download", now)
        return self._decided(take, generation, Status.PROCESSING)

    def paste_task_id(self, actor: Actor, asset_id: UUID, text: str) -> Take:
        """The provider's own id for a lost submission; believed when the provider knows it and no other take has it.

        Raises NotFound, NotAllowed, Conflict, Invalid, Unavailable, Misconfigured.
        """
        text = text.strip()
        if not TASK_ID.fullmatch(text):
            raise Invalid("Paste the task's id as the provider shows it: one word, without spaces.", field="task_id")
        with self._store.read() as tx:
            _, generation = need_answer(tx, actor, asset_id, Answer.PASTE_TASK_ID)
            self._check_is_free(tx, generation, text)
        task_id, task = self._asked(generation, text)
        now = self._clock()
        with self._store.write() as tx:
            take, _ = need_answer(tx, actor, asset_id, Answer.PASTE_TASK_ID)
            self._check_is_free(tx, generation, task_id)
            if not generations.speak(
                tx, generation, now, state=State.PROCESSING, task=task, task_id=task_id, looks_anew=True
            ):
                _somebody_was_faster()
            assets.set_status(tx, [asset_id], Status.PROCESSING, None, now)
            _remember(tx, actor, take, "paste_task_id", now)
        return self._decided(take, generation, Status.PROCESSING)

    def _asked(self, generation: Generation, text: str) -> tuple[str, Json]:
        try:
            return self._confirm(generation, text)
        except ProviderError as error:
            said = error.provider_message or "—"
            raise Unavailable(
                "The provider cannot be asked now. Try again later. It said: {said}", said=said
            ) from error

    def _check_is_free(self, tx: Tx, generation: Generation, task_id: str) -> None:
        if generations.has_task(tx, generation.provider, task_id, generation.id):
            raise Conflict("Another take came from this task already. Look for another id in the provider's list.")

    def give_up(self, actor: Actor, asset_id: UUID) -> Take:
        """Counts it as failed. If it arrives after all, it is kept and offered. Raises NotFound, NotAllowed, Conflict."""
        with self._store.write() as tx:
            take = settle(tx, actor, asset_id, Answer.GIVE_UP, self._clock())
        return self._decided(take, None, Status.FAILED)

    def keep(self, actor: Actor, asset_id: UUID) -> Take:
        """Takes what arrived after it was stopped. Raises NotFound, NotAllowed, Conflict."""
        now = self._clock()
        with self._store.write() as tx:
            take, generation = need_answer(tx, actor, asset_id, Answer.KEEP)
            if not generations.speak(tx, generation, now):
                _somebody_was_faster()
            assets.set_status(tx, [asset_id], Status.COMPLETED, None, now)
            _remember(tx, actor, take, "keep", now)
        return self._decided(take, generation, Status.COMPLETED)

    def _decided(self, take: Take, generation: Generation | None, status: Status) -> Take:
        if generation is not None:
            self._heed(generation.id)
        self._hub.publish(
            Event(
                type="asset_status_changed",
                project_id=take.project_id,
                box_id=take.box_id,
                asset_id=take.id,
                status=status,
            )
        )
        message = None if status in (Status.PROCESSING, Status.COMPLETED) else take.error_message
        return take.model_copy(update={"status": status, "error_message": message})
