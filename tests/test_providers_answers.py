"""Reading answers: expressions with limits, kinds of refusals, states, and files that are not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apom.config import shipped
from apom.errors import ProviderError
from apom.net import Answer
from apom.providers import answers
from apom.providers.catalog import Catalog
from apom.providers.expressions import compiled, parse_json, read

SPEC = Catalog.load(shipped("providers")).specs["sandbox"]
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers=headers, content=content, at=NOW)


def refusal(body: object, status: int = 200, secrets: tuple[str, ...] = ()) -> ProviderError | None:
    got = answer(body, status)
    return answers.refusal(SPEC, got, answers.envelope(got, {}), secrets)


def polled(data: object) -> answers.Polled:
    seen = answers.envelope(answer({"code": 200, "data": data}), {})
    assert SPEC.poll is not None
    so_far = answers.with_cost(answers.polled(SPEC.poll, seen), SPEC.cost, seen)
    if so_far.state != "done":
        return so_far
    files = [file for item in answers.items(SPEC.result, seen) if (file := answers.file(SPEC.result, item))]
    return answers.with_result(so_far, SPEC.result, SPEC.poll.error, files, seen)


def success(urls: object) -> dict[str, Any]:
    return {"state": "success", "resultJson": json.dumps({"resultUrls": urls})}


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("a" * 301, "longer than 300"),
        ("!" * 60 + "a", "nested deeper"),
        ("(" * 150 + "a" + ")" * 149, "nested deeper|cannot be read"),
        ("[" * 30 + "a" + "]" * 30, "nested deeper"),
        ("body..x", "cannot be read"),
        ("exec(body)", r"no function exec\(\)"),
        ("parse_json(a, b)", "takes 1 arguments"),
        ("a || parse_json(nope(b))", r"no function nope\(\)"),
    ],
)
def test_an_expression_that_cannot_work_is_refused_when_it_is_compiled(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        compiled(expression)


def test_parse_json_reads_a_json_text_and_gives_null_for_anything_else() -> None:
    body = {"good": '{"a": [1]}', "bad": "{", "deep": "[" * 100_000, "number": 3, "nan": "NaN", "half": '"\\ud800"'}
    assert read("parse_json(good).a[0]", body) == 1
    assert [read(f"parse_json({name})", body) for name in ("bad", "deep", "number", "nan", "half", "missing")] == [
        None
    ] * 6
    assert parse_json('"\\ud83c\\udfac"') == "🎬"


def test_an_answer_that_is_built_otherwise_reads_as_null() -> None:
    assert read("contains(body.x, 'a')", {"body": None}) is None
    assert read("length(body)", {"body": 5}) is None


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"code": 200}, 200, None),
        ({"code": 401, "msg": "no"}, 200, "auth"),
        ({"code": 402, "msg": "no"}, 200, "no_credit"),
        ({"code": 422, "msg": "no"}, 200, "rejected"),
        ({"code": 429, "msg": "no"}, 200, "rate_limited"),
        ({"code": 455, "msg": "no"}, 200, "maintenance"),
        ({"code": 500, "msg": "no"}, 200, "transient"),
        ({"code": 501, "msg": "no"}, 200, "failed"),
        ({"code": 999, "msg": "no"}, 200, "unknown"),
        ({"code": 422, "msg": "no"}, 500, "rejected"),
        (b"<html>bad gateway", 502, "unknown"),
        (b"<html>forbidden", 403, "auth"),
        (b"", 404, "rejected"),
        (b"", 408, "unknown"),
        (b"{", 200, "unknown"),
        ([], 200, "unknown"),
        (b"<html>", 301, "unknown"),
    ],
)
def test_an_answer_is_judged_by_status_and_body(body: object, status: int, kind: str | None) -> None:
    found = refusal(body, status)
    assert (found and found.kind) == kind


def test_the_providers_words_come_along_short_printable_and_without_the_key() -> None:
    found = refusal({"code": 401, "msg": "bad key sk-123\n\x1b[31m" + "x" * 9_000}, secrets=("sk-123",))
    assert found is not None
    assert found.provider_code == "401"
    assert found.provider_message.startswith("bad key *** [31mxxx")
    assert len(found.provider_message) == 500


def test_a_fault_while_ordering_leaves_open_whether_it_was_ordered() -> None:
    kinds = {
        kind: answers.at_submit(ProviderError(kind)).kind for kind in ("transient", "rejected", "failed", "unknown")
    }
    assert kinds == {"transient": "unknown", "rejected": "rejected", "failed": "failed", "unknown": "unknown"}


@pytest.mark.parametrize(
    ("code", "status", "age_s", "kind"),
    [
        ("404", 200, 59, "transient"), ("404", 200, 61, "rejected"), ("no_task", 404, 5, "transient"),
        ("no_task", 404, 100, "rejected"), ("422", 200, 5, "rejected"),
    ],
)  # fmt: skip
def test_a_task_that_is_not_found_in_its_first_minute_may_yet_be(
    code: str, status: int, age_s: float, kind: str
) -> None:
    error = ProviderError("rejected", provider_code=code)
    assert answers.at_free_call(error, status=status, age_s=age_s).kind == kind


@pytest.mark.parametrize(
    ("word", "state"),
    [("waiting", "queued"), ("queuing", "queued"), ("generating", "running"), ("pondering", "running"), (None, "running"),
     (7, "running"), ("fail", "failed")],
)  # fmt: skip
def test_states_are_mapped_and_an_unknown_word_means_running(word: object, state: str) -> None:
    assert polled({"state": word}).state == state


def test_done_brings_the_files_and_the_cost() -> None:
    found = polled({**success(["http://a/1", "http://a/2", "http://a/1", "", None, 5]), "creditsConsumed": "4.5"})
    assert (found.state, found.results) == ("done", ("http://a/1", "http://a/2"))
    assert (found.cost, found.unit) == (4.5, "play credit")


@pytest.mark.parametrize(
    "data",
    [success([]), success(None), {"state": "success"}]
    + [{"state": "success", "resultJson": text} for text in ("", None, "{", "null", "[]", '{"resultUrls": {}}', 5)],
)
def test_done_without_a_file_is_a_failure(data: dict[str, Any]) -> None:
    found = polled(data)
    assert (found.state, found.error_code, found.error_message) == ("failed", "no_result", answers.NO_FILES)
    said = polled({**data, "failCode": "77", "failMsg": "blocked by the filter"})
    assert (said.error_code, said.error_message) == ("77", "blocked by the filter")


def test_a_failure_brings_the_providers_words() -> None:
    found = polled({"state": "fail", "failCode": 500, "failMsg": "out of paint"})
    assert (found.state, found.error_code, found.error_message) == ("failed", "500", "out of paint")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["state", "resultJson"]), inner),
    max_leaves=12,
)


@given(JSON, st.sampled_from([200, 201, 302, 404, 500]))
def test_no_answer_whatever_it_holds_breaks_the_reading(body: object, status: int) -> None:
    refusal(body, status)
    found = polled(body)
    assert found.state in ("queued", "running", "done", "failed", "cancelled")


@pytest.mark.parametrize(
    ("value", "found"), [(50, 0.5), ("12.5", 0.125), (300, 1.0), (-1, 0.0), (None, None), (True, None)]
)
def test_progress_is_between_nought_and_one(value: Any, found: float | None) -> None:
    assert answers.progress(value) == found
