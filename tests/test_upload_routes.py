"""Uploads through the real edge: who may send what, in one piece, in several, as a form; and how much memory it takes."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import clip, corner

from apom import runfile, testing
from apom.api.forms import Form
from apom.client import OperatorClient, connect
from apom.client.workspace import RemoteWorkspace
from apom.config import LIMITS, MB
from apom.errors import Invalid
from apom.models import Box, Rights

GOOD = "seven tall ships at dawn"


@dataclass(frozen=True)
class House:
    """A running server, anna's door into it and her shot."""

    app: testing.Running
    token: str
    anna: RemoteWorkspace
    shot: Box

    def client(self, **headers: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} | headers
        return httpx.Client(base_url=self.app.url, headers=headers, trust_env=False, timeout=60)

    def way(self, id: UUID | None = None) -> str:
        return f"/api/uploads/{self.shot.id}/{id or uuid4()}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("uploads") / "data"
    with testing.server(data) as app:
        run = runfile.read(data)
        assert run is not None
        operator = OperatorClient(run.url, run.token)
        operator.add_user("anna", GOOD)
        token = operator.create_token("anna", "test")[1]
        with connect(app.url, token) as anna:
            yield House(app, token, anna, anna.create_box(anna.create_project("P"), "one"))


def png(path: Path, size: tuple[int, int] = (160, 90)) -> bytes:
    corner(size).save(path)
    return path.read_bytes()


def test_a_file_is_the_body_of_a_request(house: House, tmp_path: Path) -> None:
    content = png(tmp_path / "x.png")
    with house.client() as client:
        said = client.put(house.way(), content=content, params={"name": "гавань.png", "owner": "Анна"})
        assert said.status_code == 201, said.text
        take = said.json()["done"]["take"]
        assert (take["status"], take["source_type"]) == ("COMPLETED", "UPLOADED")
        assert client.get(take["file_url"]).content == content
    assert house.anna.asset(take["id"]).rights == {"owner": "Анна"}


def test_a_file_comes_in_pieces_and_goes_on_where_it_broke_off(house: House, tmp_path: Path) -> None:
    content, id = grown(clip(tmp_path / "x.mp4"), 3 * MB).read_bytes(), uuid4()
    with house.client() as client:
        first = client.put(house.way(id), content=content[:100], params={"size": len(content)})
        assert (first.status_code, first.json()) == (202, {"bytes": 100, "done": None})
        with begun(house, f"{house.way(id)}?size={len(content)}&offset=100", content[100 : 2 * MB]):
            deadline = time.monotonic() + 20
            while (here := client.get(house.way(id)).json()["bytes"]) <= MB and time.monotonic() < deadline:
                time.sleep(0.02)
        assert here > MB, "what has come stays"
        last = client.put(house.way(id), content=content[here:], params={"size": len(content), "offset": here})
        assert last.status_code == 201
        again = client.put(house.way(id), content=content, params={"size": len(content)})
        assert again.json() == last.json(), "a lost answer doubles nothing"
    assert house.anna.asset(last.json()["done"]["take"]["id"]).sha256 == sha256(content).hexdigest()


@contextmanager
def begun(house: House, path: str, content: bytes) -> Iterator[None]:
    """A connection that has sent only a part, and dies then."""
    at = urlsplit(house.app.url)
    head = f"PUT {path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {house.token}\r\n"
    head += f"Content-Length: {2 * len(content)}\r\n\r\n"
    with socket.create_connection((at.hostname or "", at.port or 0)) as line:
        line.sendall(head.encode() + content)
        yield


def grown(path: Path, more: int) -> Path:
    """The clip with a box of free space behind it: large, whole, and quickly made."""
    with path.open("r+b") as file:
        small = file.seek(0, 2)
        file.write(b"\0\0\0\1free" + more.to_bytes(8, "big"))
        file.truncate(small + more)
    return path


def test_what_is_too_large_is_said_before_it_is_sent(house: House) -> None:
    with house.client() as client:
        for size in (LIMITS.video_bytes + 1, 10**15):
            said = client.put(house.way(), content=b"", params={"size": size})
            assert (said.status_code, said.json()["code"]) == (413, "too_large")
        said = client.put(house.way(), content=b"x" * 5000, params={"size": LIMITS.video_bytes})
        assert (said.status_code, said.json()["code"]) == (422, "bad_media")


def test_another_sites_page_sends_nothing(house: House) -> None:
    with httpx.Client(base_url=house.app.url, trust_env=False) as client:
        signed_in = client.post(
            "/api/session", json={"username": "anna", "password": GOOD}, headers={"Origin": house.app.url}
        )
        assert signed_in.status_code < 300
        for headers, status in (
            ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, 403),
            ({"Origin": house.app.url, "Sec-Fetch-Site": "same-origin"}, 422),
        ):
            for method, path in (("PUT", house.way()), ("POST", f"/api/boxes/{house.shot.id}/upload/")):
                said = client.request(
                    method, path, content=b"<html>", headers={**headers, "Content-Type": "text/plain"}
                )
                assert said.status_code == status, said.text
    with httpx.Client(base_url=house.app.url, trust_env=False) as client:
        assert client.put(house.way(), content=b"x", headers={"Origin": house.app.url}).status_code == 401


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_form_brings_many_files(house: House, tmp_path: Path, slash: str) -> None:
    files = [
        ("file", ("a.png", png(tmp_path / "a.png"), "text/html")),
        ("file", ("b.png", b"<html>" * 2000, "image/png")),
        ("files", ("c.mp4", clip(tmp_path / "c.mp4").read_bytes(), "video/mp4")),
        ("file", ("d.png", b"", "image/png")),
    ]
    rights = {"owner": "Ann", "licence": "CC0", "note": "x"}
    with house.client() as client:
        said = client.post(f"/api/boxes/{house.shot.id}/upload{slash}", data=rights, files=files)
        assert said.status_code == 201, said.text
        takes = [each["take"] for each in said.json()["uploaded"]]
        assert [take["mime"] for take in takes] == ["image/png", "video/mp4"]
        assert [(each["name"], each["code"]) for each in said.json()["refused"]] == [
            ("b.png", "bad_media"),
            ("d.png", "bad_media"),
        ]
        assert {house.anna.asset(take["id"]).rights == rights for take in takes} == {True}
        alone = client.post(f"/api/boxes/{house.shot.id}/upload", files=[files[1]])
        assert (alone.status_code, alone.json()["code"]) == (422, "bad_media")
        for body in (b"", b"nonsense"):
            none = client.post(
                f"/api/boxes/{house.shot.id}/upload",
                content=body,
                headers={"Content-Type": "multipart/form-data; boundary=x"},
            )
            assert (none.status_code, none.json()["code"]) == (422, "invalid")


@given(cuts=st.lists(st.integers(1, 40), max_size=60), is_read=st.booleans())
def test_a_form_is_the_same_however_it_is_cut(cuts: list[int], is_read: bool) -> None:
    request = httpx.Request(
        "POST",
        "http://x",
        data={"owner": "Анна"},
        files=[("a", ("a.png", b"\r\n--first\r\n" * 5)), ("b", ("б.png", b"")), ("c", ("c.png", b"third"))],
    )
    body, pieces = request.read(), []
    for cut in cuts:
        pieces.append(body[:cut])
        body = body[cut:]
    form = Form(body=[*pieces, body], content_type=request.headers["content-type"])
    found = [(name, b"".join(content) if is_read else b"") for name, content in form.files()]
    assert form.fields == {"owner": "Анна"}
    assert found == [("a.png", b"\r\n--first\r\n" * 5 * is_read), ("б.png", b""), ("c.png", b"third" * is_read)]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x"])
def test_what_is_no_form_is_said(kind: str) -> None:
    with pytest.raises(Invalid, match="not a form"):
        list(Form(body=[b"--y\r\n"], content_type=kind).files())
    with pytest.raises(Invalid, match="too long"):
        body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 9000 + b"\r\n--x--"
        list(Form(body=[body], content_type="multipart/form-data; boundary=x").files())


@pytest.mark.long
def test_two_gigabytes_come_in_by_a_hundred_megabytes_of_memory(house: House, tmp_path: Path) -> None:
    path = clip(tmp_path / "long.mp4")
    house.anna.upload(house.shot, path)  # decoders are loaded now
    grown(path, LIMITS.video_bytes - path.stat().st_size)
    before = most_memory(house)
    done = house.anna.upload(house.shot, path, rights=Rights(owner="Ann"))
    assert done.take.bytes == LIMITS.video_bytes
    assert most_memory(house) - before < 100
    house.anna.delete_asset(done.take)


def most_memory(house: House) -> int:
    """The most the server has ever used, in MB."""
    status = Path(f"/proc/{house.app.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) // 1024
