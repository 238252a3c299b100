"""Talking to a provider that answers as Kie does, its peculiarities and the network's included."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loopback import Loopback, answer, closes, drips, hangs, raw, refused_url, resets, run, said

from apom import net
from apom.config import shipped
from apom.errors import ApomError, Invalid, Misconfigured, ProviderError, TooLarge, Unavailable
from apom.providers.catalog import parse
from apom.providers.client import POLLS_AT_ONCE, Client, Rendered, Submitted
from apom.providers.spec import ProviderSpec

SANDBOX: dict[str, Any] = json.loads((shipped("providers") / "sandbox.json").read_text())
KEY = "sk-very-secret-51"
CREATE, INFO, UPLOAD = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo", "/api/file-stream-upload"
ORDERED = said({"code": 200, "msg": "success", "data": {"taskId": "t1"}})


def keyed(*, hosts: tuple[str, ...] = (), fetch_with_key: bool = False, auth: Any = None) -> ProviderSpec:
    """The sandbox's file as that of a provider that wants a key."""
    data = copy.deepcopy(SANDBOX)
    data["auth"] = auth or {"type": "bearer", "secret": "KIE_API_KEY"}
    data["hosts"] = list(hosts)
    data["result"]["auth"] = fetch_with_key
    data["submit"]["timeout_s"] = 1
    return parse(json.dumps(data), file="sandbox.json")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


@asynccontextmanager
async def talking(
    url: str, spec: ProviderSpec | None = None, *, timeout_s: float = 5.0, secrets: dict[str, str] | None = None
) -> AsyncIterator[Client]:
    general, submitter = net.make_client(purpose="general"), net.make_client(purpose="submit")
    keys = {"KIE_API_KEY": KEY} if secrets is None else secrets
    try:
        yield Client(
            spec or keyed(), general=general, submitter=submitter, secrets=keys, base_url=url, timeout_s=timeout_s
        )
    finally:
        await general.aclose()
        await submitter.aclose()


def ask(url: str, what: Callable[[Client], Any], spec: ProviderSpec | None = None, **more: Any) -> Any:
    """What the client's coroutine answers."""

    async def scenario() -> Any:
        async with talking(url, spec, **more) as client:
            return await what(client)

    return run(scenario())


def order(client: Client, prompt: str = "a boat", callback_url: str | None = None) -> Rendered:
    model = client.spec.model("sandbox-image")
    return client.render_submit(model, {"prompt": prompt, "seed": 0}, {}, callback_url=callback_url)


def submit(url: str, **more: Any) -> Submitted:
    found: Submitted = ask(url, lambda client: client.submit(order(client)), **more)
    return found


def poll(url: str, age_s: float = 5.0, task: str = "t1", **more: Any) -> Any:
    return ask(url, lambda client: client.poll(client.spec.model("sandbox-image"), {"id": task}, age_s), **more)


def refused(act: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        act()
    return caught.value


def test_an_order_is_one_post_with_the_key_and_gives_the_task(server: Loopback) -> None:
    server.on("POST", CREATE, ORDERED)
    assert submit(server.url) == Submitted(task={"id": "t1"})
    (seen,) = server.seen
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert seen.json == {"model": "sandbox-image", "input": {"prompt": "a boat", "seed": 0}}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4))
def test_any_prompt_arrives_verbatim(server: Loopback, prompts: list[str]) -> None:
    server.on("POST", CREATE, ORDERED)
    server.seen.clear()

    async def send_all(client: Client) -> None:
        for prompt in [*prompts, 'a "quoted"\n{{param.seed}} \\ ünï {{model}}']:
            await client.submit(order(client, prompt))

    ask(server.url, send_all)
    assert [seen.json["input"]["prompt"] for seen in server.seen[:-1]] == prompts


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(said({"code": 401, "msg": "no"}), "auth", id="code 401"),
        pytest.param(said({"code": 402, "msg": "no"}), "no_credit", id="code 402"),
        pytest.param(said({"code": 422, "msg": "no"}), "rejected", id="code 422"),
        pytest.param(said({"code": 429, "msg": "no"}), "rate_limited", id="code 429"),
        pytest.param(said({"code": 455, "msg": "no"}), "maintenance", id="code 455"),
        pytest.param(said({"code": 501, "msg": "no"}), "failed", id="code 501"),
        pytest.param(said({"code": 500, "msg": "no"}), "unknown", id="code 500"),
        pytest.param(said({"code": 200, "data": {"taskId": None}}), "unknown", id="no task"),
        pytest.param(said({"code": 200, "data": {"taskId": ""}}), "unknown", id="empty task"),
        pytest.param(said({"code": 200, "data": None}), "unknown", id="no data"),
        pytest.param(said({"code": 422}, 500), "rejected", id="500 with a readable refusal"),
        pytest.param(answer("<html>bad gateway", 502), "unknown", id="HTML 502"),
        pytest.param(answer("<html>no", 401), "auth", id="HTML 401"),
        pytest.param(answer('{"code":200,"data":{"tas'), "unknown", id="broken JSON"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "unknown", id="cut"),
        pytest.param(closes, "unknown", id="closed"),
        pytest.param(resets, "unknown", id="reset"),
        pytest.param(hangs, "unknown", id="silent"),
        pytest.param(drips, "unknown", id="dripping"),
        pytest.param(answer("", 307, Location="/elsewhere"), "unknown", id="redirect"),
    ],
)
def test_an_order_that_does_not_succeed_has_a_kind_and_was_sent_once(server: Loopback, reply: Any, kind: str) -> None:
    server.on("POST", CREATE, reply)
    assert refused(lambda: submit(server.url, timeout_s=0.5)).kind == kind
    assert len(server.seen) == 1


def test_an_order_to_nobody_was_not_sent() -> None:
    assert refused(lambda: submit(refused_url())).kind == "not_sent"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Mon, 23 Nov 2026 12:00:30 GMT", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 30),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_the_providers_wish(server: Loopback, headers: dict[str, str], wait_s: float) -> None:
    server.on("POST", CREATE, said({"code": 429}, 429, **headers))
    error = refused(lambda: submit(server.url))
    assert (error.kind, error.retry_after_s) == ("rate_limited", wait_s)


def test_a_key_the_provider_repeats_is_masked(server: Loopback) -> None:
    server.on("POST", CREATE, said({"code": 401, "msg": f"key {KEY} is wrong"}))
    assert refused(lambda: submit(server.url)).provider_message == "key *** is wrong"


@pytest.mark.parametrize("secrets", [{}, {"KIE_API_KEY": ""}, {"KIE_API_KEY": "two\nlines"}])
def test_without_a_usable_key_an_order_is_refused_before_it_is_sent(server: Loopback, secrets: dict[str, str]) -> None:
    async def rendered(client: Client) -> Rendered:
        return order(client)

    with pytest.raises(Misconfigured, match="KIE_API_KEY"):
        ask(server.url, rendered, secrets=secrets)


def test_a_key_may_stand_in_a_header_of_its_own(server: Loopback) -> None:
    server.on("POST", CREATE, ORDERED)
    spec = keyed(auth={"type": "header", "name": "X-Key", "prefix": "Key ", "secret": "KIE_API_KEY"})
    submit(server.url, spec=spec)
    assert server.seen[0].headers["x-key"] == f"Key {KEY}"


def test_what_is_kept_of_an_order_has_no_secret_and_no_long_text(server: Loopback) -> None:
    callback = "https://apom.example/cb/unguessable"

    async def rendered(client: Client) -> Rendered:
        return order(client, f"{KEY} " + "x" * 5_000, callback_url=callback)

    found = ask(server.url, rendered)
    assert found.json["callBackUrl"] == callback
    kept = json.dumps(found.masked())
    assert KEY not in kept and "unguessable" not in kept and "unguessable" not in repr(found.masked())
    assert len(kept) < 1_500
    assert found.masked()["url"] == server.url + CREATE


def test_how_far_a_task_is(server: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    words = ["waiting", "pondering", "pondering", "success"]
    urls = json.dumps({"resultUrls": [server.url + "/files/1.png", "/files/2.png"]})
    server.on(
        "GET",
        INFO,
        *(said({"code": 200, "data": {"state": w, "resultJson": urls, "creditsConsumed": 4}}) for w in words),
    )

    async def four(client: Client) -> Any:
        return [await client.poll(client.spec.model("sandbox-image"), {"id": "t 1"}, 9) for _ in words]

    with caplog.at_level(logging.WARNING, logger="apom.providers"):
        found = ask(server.url, four)
    assert [each.state for each in found] == ["queued", "running", "running", "done"]
    assert found[-1].results == (server.url + "/files/1.png", "/files/2.png")
    assert (found[-1].cost, found[-1].unit) == (4, "play credit")
    assert server.seen[0].query == {"taskId": "t 1"}
    assert caplog.text.count("pondering") == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(said({"code": 404, "msg": "no"}), "transient", id="404 at first"),
        pytest.param(said({"code": 500, "msg": "no"}), "transient", id="code 500"),
        pytest.param(said({"code": 501, "msg": "no"}), "failed", id="code 501"),
        pytest.param(said({"code": 401, "msg": "no"}), "auth", id="code 401"),
        pytest.param(said({"code": 429, "msg": "no"}), "rate_limited", id="code 429"),
        pytest.param(answer("<html>", 502), "transient", id="HTML 502"),
        pytest.param(answer("{"), "transient", id="broken JSON"),
        pytest.param(resets, "transient", id="reset"),
        pytest.param(hangs, "transient", id="silent"),
    ],
)
def test_a_poll_that_does_not_succeed_has_a_kind(server: Loopback, reply: Any, kind: str) -> None:
    server.on("GET", INFO, reply)
    assert refused(lambda: poll(server.url, timeout_s=0.5)).kind == kind


def test_polls_wait_for_each_other_before_their_time_outs_begin(server: Loopback) -> None:
    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        await said({"code": 200, "data": {"state": "generating"}})(writer)

    async def at_once(client: Client) -> list[Any]:
        model = client.spec.model("sandbox-image")
        return await asyncio.gather(*(client.poll(model, {"id": "t1"}, 5.0) for _ in range(POLLS_AT_ONCE * 3)))

    server.on("GET", INFO, slow)
    assert {polled.state for polled in ask(server.url, at_once, timeout_s=0.5)} == {"running"}
    assert server.connections <= POLLS_AT_ONCE


def test_a_poll_of_a_provider_that_is_away_is_asked_again() -> None:
    assert refused(lambda: poll(refused_url())).kind == "transient"


def test_a_task_still_not_found_after_a_minute_is_not_there(server: Loopback) -> None:
    server.on("GET", INFO, said({"code": 404, "msg": "no"}))
    assert refused(lambda: poll(server.url, age_s=61)).kind == "rejected"


def test_success_without_files_is_a_failure(server: Loopback) -> None:
    server.on("GET", INFO, said({"code": 200, "data": {"state": "success", "resultJson": "", "failMsg": "nothing"}}))
    found = poll(server.url)
    assert (found.state, found.error_message) == ("failed", "nothing")


def test_a_file_is_uploaded_under_a_new_name_each_time(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(b"PNG bytes")
    server.on("POST", UPLOAD, said({"code": 200, "data": {"downloadUrl": "https://files.example/1.png"}}))

    async def two(client: Client) -> Any:
        declared = client.spec.model("sandbox-video").inputs[0]
        return [await client.bring(declared, tmp_path / "in.png", "image/png") for _ in range(2)]

    assert ask(server.url, two) == ["https://files.example/1.png"] * 2
    bodies = [seen.body for seen in server.seen]
    assert all(b"PNG bytes" in body and b'name="uploadPath"\r\n\r\napom\r\n' in body for body in bodies)
    assert b'name="file"; filename="' in bodies[0] and b"Content-Type: image/png" in bodies[0]
    names = {body.partition(b'filename="')[2].partition(b'"')[0] for body in bodies}
    assert len(names) == 2 and all(name.endswith(b".png") for name in names)
    assert all(b'name="fileName"\r\n\r\n' + name in b"".join(bodies) for name in names)


def test_an_upload_may_go_to_another_host_that_the_file_names(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(b"PNG bytes")
    with Loopback() as other:
        other.on("POST", "/up", said({"code": 200, "data": {"fileUrl": "https://files.example/1.png"}}))
        data = keyed(hosts=(f"127.0.0.1:{other.port}",)).model_dump(mode="json", by_alias=True, exclude_unset=True)
        data["upload"]["request"] |= {"url": other.url + "/up"}
        del data["upload"]["request"]["path"]
        spec = parse(json.dumps(data), file="sandbox.json")
        ask(server.url, lambda c: c.bring(spec.models[1].inputs[0], tmp_path / "in.png", "image/png"), spec)
        assert other.seen[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("reply", "mime", "size", "error", "kind"),
    [
        (said({"code": 200, "data": {}}), "image/png", 1, ProviderError, "transient"),
        (said({"code": 401, "msg": "no"}), "image/png", 1, ProviderError, "auth"),
        (closes, "image/png", 1, ProviderError, "transient"),
        (ORDERED, "image/gif", 1, Invalid, ""),
        (ORDERED, "image/png", 50 * 1024 * 1024 + 1, TooLarge, ""),
    ],
)
def test_an_upload_that_does_not_succeed_says_why(
    server: Loopback, tmp_path: Path, reply: Any, mime: str, size: int, error: type[ApomError], kind: str
) -> None:
    with (tmp_path / "in").open("wb") as file:
        file.truncate(size)
    server.on("POST", UPLOAD, reply)
    with pytest.raises(error) as caught:
        ask(server.url, lambda c: c.bring(c.spec.model("sandbox-video").inputs[0], tmp_path / "in", mime))
    assert getattr(caught.value, "kind", "") == kind


def test_an_input_that_is_gone_is_said(server: Loopback, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        ask(server.url, lambda c: c.bring(c.spec.model("sandbox-video").inputs[0], tmp_path / "gone", "image/png"))


def test_an_input_goes_where_its_model_names_it(server: Loopback) -> None:
    async def clip(client: Client) -> Rendered:
        return client.render_submit(client.spec.model("sandbox-video"), {"duration": 4}, {"image": ("https://a/1",)})

    assert ask(server.url, clip).json == {
        "model": "sandbox-video",
        "input": {"image_url": "https://a/1", "duration": 4},
    }


def fetch(url: str, what: str, path: Path, spec: ProviderSpec | None = None, **more: Any) -> Any:
    limits = {"max_bytes": 1_000, "deadline_s": 5.0, **more}
    return ask(url, lambda client: client.fetch(what, path, **limits), spec)


def test_a_file_is_fetched_without_the_key_unless_the_provider_file_asks_for_it(
    server: Loopback, tmp_path: Path
) -> None:
    server.on("GET", "/f", answer(b"abc"))
    assert fetch(server.url, "/f", tmp_path / "f") == 3  # an address may be told from the base on
    assert fetch(server.url, server.url + "/f", tmp_path / "f", keyed(fetch_with_key=True)) == 3
    assert ["authorization" in seen.headers for seen in server.seen] == [False, True]


def test_a_file_elsewhere_is_refused_with_a_sentence_and_not_asked_for(server: Loopback, tmp_path: Path) -> None:
    with Loopback() as other:
        other.on("GET", "/f", answer(b"abc"))
        server.on("GET", "/f", answer("", 302, Location=other.url + "/f"))
        for url in (other.url + "/f", server.url + "/f", f"http://127.0.0.1:{server.port}@127.0.0.1:{other.port}/f"):
            with pytest.raises(Misconfigured):
                fetch(server.url, url, tmp_path / "f", keyed(fetch_with_key=True))
        assert other.seen == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_on_a_host_the_provider_file_names_is_fetched_behind_a_redirect(
    server: Loopback, tmp_path: Path
) -> None:
    with Loopback() as cdn:
        cdn.on("GET", "/f", answer(b"abc"))
        server.on("GET", "/f", answer("", 302, Location=cdn.url + "/f"))
        spec = keyed(hosts=(f"127.0.0.1:{cdn.port}",), fetch_with_key=True)
        assert fetch(server.url, server.url + "/f", tmp_path / "f", spec) == 3
        assert all(seen.headers["authorization"] == f"Bearer {KEY}" for seen in (*server.seen, *cdn.seen))


def test_a_dripping_file_ends_at_its_deadline(server: Loopback, tmp_path: Path) -> None:
    server.on("GET", "/f", drips)
    error = refused(lambda: fetch(server.url, server.url + "/f", tmp_path / "f", max_bytes=10**7, deadline_s=0.3))
    assert error.kind == "transient"


def test_a_poll_that_is_sent_elsewhere_takes_no_key_along(server: Loopback) -> None:
    with Loopback() as other:
        server.on("GET", INFO, answer("", 302, Location=other.url + "/steal"))
        with pytest.raises(Misconfigured, match="does not name"):
            poll(server.url)
        assert other.seen == []


def test_another_base_address_takes_the_place_of_the_files_own(server: Loopback) -> None:
    with pytest.raises(Misconfigured, match=r"sandbox\.apom"):
        fetch(server.url, "http://sandbox.apom/f", Path("unused"))


def test_the_balance_is_a_number_or_a_reason(server: Loopback) -> None:
    server.on("GET", "/api/v1/chat/credit", said({"code": 200, "data": 512.5}), said({"code": 401, "msg": "no"}))
    assert ask(server.url, lambda client: client.balance()) == 512.5
    assert refused(lambda: ask(server.url, lambda client: client.balance())).kind == "auth"
