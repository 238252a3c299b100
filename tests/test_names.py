"""Names of files that leave the house: stable, and good everywhere."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apom.names import called, file_safe, media_name, media_names, stem, take8

TAKE = UUID("1a2b3c4d-5e6f-4a7b-8c9d-0e1f2a3b4c5d")
LIKE_IT = UUID("1a2b3c4d-0000-4a7b-8c9d-0e1f2a3b4c5d")


def test_a_name_is_the_code_and_eight_digits() -> None:
    assert media_name("010", TAKE, "mp4") == "010_1a2b3c4d.mp4"
    assert take8(TAKE) == "1a2b3c4d"
    assert media_name("Кадр-3.b", TAKE, ".PNG") == "Кадр-3.b_1a2b3c4d.png"
    assert media_name("010", TAKE, "") == "010_1a2b3c4d"
    assert media_name("a_b-", TAKE, "mp4") == "a_b-_1a2b3c4d.mp4"


def test_two_that_begin_alike_differ_and_the_first_keeps_its_name() -> None:
    first = media_names([("010", TAKE, "mp4")])
    both = media_names([("010", TAKE, "mp4"), ("010", LIKE_IT, "png"), ("020", LIKE_IT, "png")])
    assert first[TAKE] == both[TAKE] == "010_1a2b3c4d.mp4"
    names = media_names([("a", TAKE, "mp4"), ("A", LIKE_IT, "mp4")])
    assert list(names.values()) == ["a_1a2b3c4d.mp4", "A_1a2b3c4d0000.mp4"]


def test_a_stem_keeps_the_dots_of_the_code() -> None:
    assert stem("010.b_1a2b3c4d.mp4") == "010.b_1a2b3c4d"
    assert stem("010.b_1a2b3c4d") == "010.b_1a2b3c4d"


def test_no_code_leads_out_of_the_folder() -> None:
    for code in ("../../etc/passwd", "..\\win.ini", ".hidden", "a/b:c*?", "\x00", "", "\u202egnp", "con", "  "):
        name = media_name(code, TAKE, "png")
        assert name.endswith("_1a2b3c4d.png")
        assert not set(name) & set('/\\:*?"<>|\x00\u202e ')
        assert not name.startswith((".", "-"))


def test_no_name_is_a_device_of_windows() -> None:
    assert called("CON", "docx") == "_CON.docx"
    assert called("aux.txt shots", "csv") == "_aux.txt shots.csv"
    assert called("../Film: One\r\n", "zip") == "_Film - One.zip"
    assert called("Sample: the lighthouse", "docx") == "Sample - the lighthouse.docx"
    assert called("Film «Маяк»", "zip") == "Film Маяк.zip"
    assert called("16:9 / vertical", "zip") == "16_9 - vertical.zip"
    assert called("Console", "zip") == "Console.zip"
    assert media_name("nul.b", TAKE, "png") == "_nul.b_1a2b3c4d.png"
    assert media_name("nul", TAKE, "png") == "nul_1a2b3c4d.png"


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_makes_a_name(code: str, ext: str) -> None:
    name = media_name(code, TAKE, ext)
    name.encode()
    assert len(name) <= 70 and "_1a2b3c4d" in name
    assert file_safe(code) == file_safe(file_safe(code))
