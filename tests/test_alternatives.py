"""One text, many prompts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apom.alternatives import alternatives
from apom.errors import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a boat", ["a boat"]),
        ("a {red|blue} boat", ["a red boat", "a blue boat"]),
        ("{a|b} {c|d}", ["a c", "a d", "b c", "b d"]),
        ("a {|very old }boat", ["a boat", "a very old boat"]),
        ("a {big {red|green}|small} boat", ["a big red boat", "a big green boat", "a small boat"]),
        ("{a|a}", ["a"]),
        ('{"style": "noir"}', ['{"style": "noir"}']),
        ('{"style": "{noir|pop}"}', ['{"style": "noir"}', '{"style": "pop"}']),
        ("half { open | brace", ["half { open | brace"]),
        ("closed } first {a|b}", ["closed } first a", "closed } first b"]),
        ("{{seed}}", ["{{seed}}"]),
        ("", [""]),
        ("{лето|зима}", ["лето", "зима"]),
    ],
)
def test_braces_with_a_bar_are_alternatives_and_others_are_themselves(text: str, expected: list[str]):
    assert list(alternatives(text, most=100)) == expected


def test_too_many_are_refused_before_they_are_made():
    with pytest.raises(Invalid, match="more than 64"):
        alternatives("{a|b|c|d}" * 50, most=64)


def test_deep_and_hostile_braces_end_soon():
    assert alternatives("{" * 20_000, most=10) == ("{" * 20_000,)
    nested = "{" * 10_000 + "}" * 10_000
    assert alternatives(nested, most=10) == (nested,)
    with pytest.raises(Invalid):
        alternatives("{a|" * 50 + "b" + "}" * 50 + "{c|d}" * 9, most=10)


@given(st.text("ab{}| ", max_size=60))
def test_no_text_breaks_it_and_one_without_bars_is_itself(text: str):
    try:
        found = alternatives(text, most=50)
    except Invalid:
        return
    assert len(set(found)) == len(found) > 0
    if "|" not in text:
        assert found == (text,)
