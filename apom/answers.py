"""Which answers a take waits for from a person."""

from __future__ import annotations

from apom.models import Answer, Attention, Generation, Status, Take

BY_ATTENTION = {
    Attention.LOST: (Answer.PASTE_TASK_ID, Answer.REGENERATE, Answer.GIVE_UP),
    Attention.UNSURE: (Answer.CHECK_AGAIN, Answer.PASTE_TASK_ID, Answer.REGENERATE, Answer.GIVE_UP),
    Attention.LATE: (Answer.CHECK_AGAIN, Answer.REGENERATE, Answer.GIVE_UP),
    Attention.GONE: (Answer.RETRY_DOWNLOAD, Answer.CHECK_AGAIN, Answer.REGENERATE, Answer.GIVE_UP),
}


def answers_to(
    status: Status, *, attention: Attention | None = None, has_file: bool = False, has_results: bool = False
) -> tuple[Answer, ...]:
    """What a person can decide about a take. `has_results`: the provider made it, and its files could not be used."""
    if status is Status.ATTENTION and attention is not None:
        return BY_ATTENTION[attention]
    if status in (Status.CANCELLED, Status.FAILED) and has_file:
        return (Answer.KEEP,)
    return (Answer.RETRY_DOWNLOAD,) if status is Status.FAILED and has_results else ()


def answers_about(take: Take, generation: Generation) -> tuple[Answer, ...]:
    """What a person can decide about a take that came from a submission."""
    return answers_to(
        take.status,
        attention=generation.attention,
        has_file=take.file_key is not None,
        has_results="results" in generation.task and generation.decision is None,
    )
