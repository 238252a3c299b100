"""Files that come piece by piece: whoever writes last ends who wrote before, and what is counted is what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from apom.errors import Conflict
from apom.media.parts import Parts


def anything(_: bytes, __: int) -> None: ...


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path / "parts")


def handed_over(parts: Parts, tmp_path: Path) -> tuple[bytes, str | None]:
    sha256 = parts.hand_over("a", tmp_path / "whole", parts.size("a"))
    return (tmp_path / "whole").read_bytes(), sha256


def test_it_is_counted_as_it_comes(parts: Parts, tmp_path: Path) -> None:
    assert parts.write("a", 0, [b"one", b"two"], anything) == 6
    assert parts.write("a", 6, [b"three"], anything) == 11
    assert handed_over(parts, tmp_path) == (b"onetwothree", hashlib.sha256(b"onetwothree").hexdigest())


def test_what_somebody_else_wrote_or_cut_is_not_guessed(parts: Parts, tmp_path: Path) -> None:
    parts.write("a", 0, [b"one", b"two"], anything)
    parts.write("a", 4, [b"three"], anything)
    assert handed_over(parts, tmp_path) == (b"onetthree", None)
    parts.write("a", 0, [b"one"], anything)
    again = Parts(tmp_path / "parts")  # after a start
    again.write("a", 3, [b"two"], anything)
    assert handed_over(again, tmp_path) == (b"onetwo", None)


def test_who_begins_anew_ends_who_wrote_before(parts: Parts, tmp_path: Path) -> None:
    def content() -> Iterator[bytes]:
        yield b"old"
        parts.write("a", 0, [b"brand", b"new"], anything)
        yield b"late"

    with pytest.raises(Conflict):
        parts.write("a", 0, content(), anything)
    assert handed_over(parts, tmp_path) == (b"brandnew", hashlib.sha256(b"brandnew").hexdigest())


def test_what_somebody_else_has_begun_anew_is_not_whole(parts: Parts, tmp_path: Path) -> None:
    def content() -> Iterator[bytes]:
        yield b"onetwo"
        parts.write("a", 1, [b"n"], anything)

    with pytest.raises(Conflict):
        parts.write("a", 0, content(), anything)
    with pytest.raises(Conflict):
        parts.hand_over("a", tmp_path / "whole", 6)
    assert parts.write("a", 2, [b"etwo"], anything) == 6 and not (tmp_path / "whole").exists()
    assert handed_over(parts, tmp_path)[0] == b"onetwo"


def test_who_writes_while_a_file_is_taken_back_has_ended(parts: Parts, tmp_path: Path) -> None:
    def content() -> Iterator[bytes]:
        yield b"new"
        parts.take_back("a", tmp_path / "whole")
        yield b"ish"

    parts.write("a", 0, [b"oldold"], anything)
    parts.hand_over("a", tmp_path / "whole", 6)
    with pytest.raises(Conflict):
        parts.write("a", 0, content(), anything)
    assert handed_over(parts, tmp_path) == (b"oldold", None)


def test_who_writes_to_what_is_dropped_has_ended(parts: Parts) -> None:
    def content() -> Iterator[bytes]:
        yield b"old"
        parts.drop("a")
        assert parts.write("a", 0, [b"new"], anything) == 3
        yield b"late"

    with pytest.raises(Conflict):
        parts.write("a", 0, content(), anything)
    assert parts.path("a").read_bytes() == b"new"
