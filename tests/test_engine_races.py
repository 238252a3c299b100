"""Two who decide at once, on both databases: one wins, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import let_in, person
from engine_room import Room, lost, opened, until

from apom.errors import ApomError, Conflict
from apom.models import Answer, Role, Status


@pytest.fixture
def room(tmp_path: Path, database_url: str) -> Iterator[Room]:
    with opened(tmp_path, database_url) as room:
        yield room


def test_of_many_who_answer_at_once_one_wins(room: Room) -> None:
    take = lost(room)
    bob = room.studio.workspace(person(room.studio, "bob"))
    let_in(room.alice, take.project_id, "bob", Role.EDITOR)
    won: list[str] = []
    refused: list[ApomError] = []
    start = threading.Barrier(6)

    def press(name: str, answer: Callable[[], object]) -> None:
        start.wait()
        try:
            answer()
            won.append(name)
        except Conflict as error:
            refused.append(error)

    answers: list[tuple[str, Callable[[], object]]] = [
        *((f"give up {ws.actor.username}", lambda ws=ws: ws.give_up(take)) for ws in (room.alice, bob)),
        *(
            (f"regenerate {ws.actor.username}", lambda ws=ws: ws.regenerate(take, may_bill_again=True))
            for ws in (room.alice, bob, room.alice, bob)
        ),
    ]
    threads = [threading.Thread(target=press, args=answer) for answer in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({name for name in won}) == 1, won
    assert len(refused) == 6 - len(won)
    assert len(room.alice.get_box_assets(room.box).items) == (2 if "regenerate" in won[0] else 1)


def test_a_cancel_that_crosses_an_arrival_ends_as_one_of_both(room: Room) -> None:
    for _ in range(4):
        take = room.order()
        room.is_sent(take)
        try:
            room.alice.cancel(take)
        except Conflict:
            assert room.reaches(take, Status.COMPLETED).answers == ()
        room.rests()
        found = room.take(take)
        assert found.status in (Status.CANCELLED, Status.COMPLETED)
        assert found.status is Status.COMPLETED or found.answers in ((), (Answer.KEEP,))
    until(lambda: room.stats()["submitted"] == 4)
