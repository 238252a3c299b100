"""Archives that nobody should bring in: each is refused with a sentence, and nothing of it is stored."""

from __future__ import annotations

import hashlib
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from conftest import Clock, let_in, person
from test_archive import entries, furnished, packed

from apom.config import LIMITS, Settings
from apom.errors import ApomError, Conflict, Invalid, TooLarge
from apom.export import bringing, unpacking
from apom.models import Role
from apom.store import archiving, assets, ledger
from apom.studio import Studio, Workspace


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a bit of everything, packed once."""
    folder, clock = tmp_path_factory.mktemp("good"), Clock()
    with Studio.open(Settings(data_dir=folder / "data"), engine=False, clock=clock) as studio:
        alice, victor = (studio.workspace(person(studio, name)) for name in ("alice", "victor"))
        project = furnished(studio, alice, victor, folder)
        return packed(alice, project, folder / "good.zip")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A house that nothing ever comes into."""
    with Studio.open(Settings(data_dir=tmp_path_factory.mktemp("other")), engine=False, clock=Clock()) as studio:
        yield studio


Parts = dict[str, Any]


def written(path: Path, parts: Mapping[str, bytes], *, method: Mapping[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            media = name.startswith("media/")
            how = (method or {}).get(name, zipfile.ZIP_STORED if media else zipfile.ZIP_DEFLATED)
            archive.writestr(zipfile.ZipInfo(name), data, how)
    return path


def resealed(good: Path, path: Path, change: Callable[[Parts, dict[str, Any]], None]) -> Path:
    """The archive with something changed in it, and a manifest that agrees: made by somebody who knows how."""
    parts: Parts = dict(entries(good))
    manifest = json.loads(parts.pop("manifest.json"))
    for name in list(parts):
        if name.startswith("tables/"):
            parts[name] = [json.loads(line) for line in parts[name].splitlines()]
    change(parts, manifest)
    for name, some in parts.items():
        if isinstance(some, list):
            parts[name] = b"".join(json.dumps(row).encode() + b"\n" for row in some)
            table = name.removeprefix("tables/").removesuffix(".jsonl")
            if isinstance(manifest["tables"], dict):
                manifest["tables"][table] = {"rows": len(some), "sha256": hashlib.sha256(parts[name]).hexdigest()}
        elif name.startswith("media/") and name in manifest["files"]:
            manifest["files"][name] = {"bytes": len(some), "sha256": hashlib.sha256(some).hexdigest()}
    return written(path, {**parts, "manifest.json": json.dumps(manifest).encode()})


def row(table: str, **values: Any) -> Callable[[Parts, Any], None]:
    def change(parts: Parts, manifest: Any) -> None:
        for one in parts[f"tables/{table}.jsonl"]:
            one.update({name: it(one) if callable(it) else it for name, it in values.items()})

    return change


def drop(table: str) -> Callable[[Parts, Any], None]:
    return lambda parts, manifest: parts[f"tables/{table}.jsonl"].pop()


def twice(table: str) -> Callable[[Parts, Any], None]:
    return lambda parts, manifest: parts[f"tables/{table}.jsonl"].append(parts[f"tables/{table}.jsonl"][0])


def media(data: bytes, which: str = "original") -> Callable[[Parts, Any], None]:
    def change(parts: Parts, manifest: Any) -> None:
        name = next(name for name in parts if f"/{which}-" in name)
        parts[name] = data

    return change


def renamed(sha: bool) -> Callable[[Parts, Any], None]:
    """A script in place of a picture, called after what it holds, and its row says so, too."""

    def change(parts: Parts, manifest: Any) -> None:
        data = b"<script>alert(1)</script>" if sha else b"\x89PNG\r\n\x1a\n<script>"
        digest = hashlib.sha256(data).hexdigest()
        name = next(name for name in parts if "/original-" in name and name.endswith(".png"))
        fresh = f"{name.rpartition('-')[0]}-{digest[:12]}.{'html' if sha else 'png'}"
        del parts[name], manifest["files"][name]
        parts[fresh], manifest["files"][fresh] = data, {}
        for asset in parts["tables/asset.jsonl"]:
            if f"media/{asset['file_key']}" == name:
                mime = "text/html"
                asset.update(file_key=fresh.removeprefix("media/"), mime=mime, bytes=len(data), sha256=digest)

    return change


def manifest(**values: Any) -> Callable[[Parts, Any], None]:
    return lambda parts, manifest: manifest.update(values)


def deep(parts: Parts, manifest: Any) -> None:
    for one in parts["tables/asset_recipe.jsonl"]:
        one["generation_config"] = "[" * 100_000


WRONG: dict[str, Callable[[Parts, Any], None]] = {
    "a number in place of a text": row("box", name=5),
    "a text in place of a number": row("asset", width="wide"),
    "a truth in place of a number": row("asset", rating=True),
    "a number beyond the column": row("asset", width=2**40),
    "a rating beyond": row("asset", rating=9),
    "no number": row("project", fps=float("nan")),
    "no moment": row("box", created_at="yesterday"),
    "a moment without a zone": row("box", created_at="2026-11-23T12:00:00"),
    "no id": row("box", id="../../etc/passwd"),
    "an unknown column": row("asset", is_admin=True),
    "a column that stays": row("batch", token="known"),
    "a missing column": row("box", code=None),
    "an unknown kind": row("box", kind="CASTLE"),
    "an unknown status": row("asset", status="RICH"),
    "a NUL": row("box", notes="a\0b"),
    "half a character": row("box", notes="\ud800"),
    "a name without end": row("project", name="x" * 100_000),
    "no name": row("box", name=""),
    "no JSON": row("asset_recipe", rights="{"),
    "JSON of another shape": row("asset_recipe", tags="{}"),
    "JSON without a floor": deep,
    "a NUL in JSON": row("asset_recipe", rights='{"a": "\\u0000"}'),
    "a pointer to nothing": row("asset", box_id=str(uuid4())),
    "a pointer to another table": row("asset", parent_asset_id=lambda one: one["box_id"]),
    "another project": row("box", project_id=str(uuid4())),
    "costs of another project": row("ledger_entry", project_id=str(uuid4())),
    "costs below nothing": row("ledger_entry", amount=-1.0),
    "costs without end": row("ledger_entry", amount=1.7e308),
    "a moment that no ZIP knows": row("asset", created_at="8999-01-01T00:00:00+00:00"),
    "rights that are no words": row("asset_recipe", rights='{"owner": 5}'),
    "inputs that are none": row("generation", inputs="[5]"),
    "an order that is none": row("batch", recipe="{}"),
    "a headliner of another shot": lambda parts, manifest: [
        one.update(headliner_asset_id=parts["tables/asset.jsonl"][0]["id"]) for one in parts["tables/box.jsonl"]
    ],
    "two shots in one place": row("box", order_index=0),
    "an id twice": twice("asset"),
    "a key twice": twice("asset_input"),
    "a code twice": row("box", code="010"),
    "a take without its recipe": drop("asset_recipe"),
    "two projects": lambda parts, manifest: parts["tables/project.jsonl"].append(
        {**parts["tables/project.jsonl"][0], "id": str(uuid4())}
    ),
    "no project": drop("project"),
    "a provider's file under another's name": row("provider_snapshot", content='{"base_url": "https://evil.example"}'),
    "a placeholder that is an address": row("asset", placeholder="https://evil.example/x.png"),
    "a key out of the media": row("asset", file_key="../../../etc/passwd"),
    "another take's key": lambda parts, manifest: [
        one.update(thumb_key=parts["tables/asset.jsonl"][0]["thumb_key"]) for one in parts["tables/asset.jsonl"]
    ],
    "another picture under its name": media(b"\x89PNG\r\n\x1a\nother"),
    "a script in place of a thumbnail": media(b"<script>", "thumb"),
    "a script as an original": renamed(sha=True),
    "a script that begins like a picture": renamed(sha=False),
    "a file without a take": lambda parts, manifest: parts.update({f"media/{uuid4()}/thumb-0123456789ab.webp": b"x"}),
    "a path upwards": lambda parts, manifest: parts.update({"../evil.txt": b"x"}),
    "an absolute path": lambda parts, manifest: parts.update({"/etc/cron.d/evil": b"x"}),
    "another table": lambda parts, manifest: parts.update({"tables/app_user.jsonl": [{"id": str(uuid4())}]}),
    "a newer format": manifest(version=2),
    "a newer schema": manifest(schema=9999),
    "another format": manifest(format="something"),
    "no versions": manifest(version="1"),
    "no schema": manifest(schema=None),
    "tables that are none": manifest(tables=[]),
    "more than there is to say": manifest(more=1),
}


def is_untouched(studio: Studio) -> bool:
    with studio._store.read() as tx:
        rows = sum(tx.value(f"select count(*) from {table}") for table in archiving.TABLES)  # type: ignore[misc]
    left = [path for path in studio._storage.root.rglob("*") if path.is_file()]
    return rows == 0 and not left


@pytest.fixture(scope="module")
def bob(other: Studio) -> Workspace:
    return other.workspace(person(other, "bob"))


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused_before_anything_is_stored(
    what: str, good: Path, bob: Workspace, other: Studio, tmp_path: Path
) -> None:
    bad = resealed(good, tmp_path / "bad.zip", WRONG[what])
    with pytest.raises((Invalid, TooLarge)) as refused:
        bob.import_archive(bad)
    assert len(str(refused.value)) > 30
    assert is_untouched(other)


def test_the_archive_that_is_only_resealed_comes_in(good: Path, tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False, clock=Clock()) as studio:
        ws = studio.workspace(person(studio, "bob"))
        assert ws.import_archive(resealed(good, tmp_path / "same.zip", lambda parts, manifest: None)).boxes_count == 2


def test_costs_of_an_archive_are_nobody_elses(good: Path, tmp_path: Path) -> None:
    """Of what is gone they name ids, and those may be of something here: its own costs would never be entered."""
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False, clock=Clock()) as studio:
        alice, bob = (studio.workspace(person(studio, name)) for name in ("alice", "bob"))
        shot = alice.create_box(alice.create_project("hers"), "one")
        alice.generate(shot, "a lighthouse")
        with studio._store.read() as tx:
            hers = tx.value("select id from generation where created_by = $1", alice.actor.user_id)
        bob.import_archive(resealed(good, tmp_path / "bad.zip", row("ledger_entry", generation_id=str(hers))))
        with studio._store.read() as tx:
            assert tx.value("select count(*) from ledger_entry") == 1
            assert tx.value("select count(*) from ledger_entry where generation_id = $1", hers) == 0


def test_an_archive_takes_up_nobody_elses_room_and_month(good: Path, tmp_path: Path) -> None:
    """Whom one shares a project with is known by name: their uploads and orders would be whatever somebody else says."""

    def change(parts: Parts, manifest: Any) -> None:
        row("asset", created_by="@alice")(parts, manifest)
        ended = {"state": "COMPLETED", "finished_at": None, "amount": 1000.0, "currency": "USD", "rate": 1.0}
        row("generation", created_by="@alice", **ended)(parts, manifest)
        parts["tables/ledger_entry.jsonl"].clear()

    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False, clock=Clock()) as studio:
        alice, bob = (studio.workspace(person(studio, name)) for name in ("alice", "bob"))
        with studio._store.write() as tx:
            tx.all("update app_user set is_admin = false")
        let_in(bob, bob.create_project("shared"), "alice", Role.EDITOR)
        bob.import_archive(resealed(good, tmp_path / "bad.zip", change))
        with studio._store.read() as tx:
            assert ledger.promised(tx, user_id=alice.actor.user_id) == []
            assert assets.uploaded_bytes(tx, alice.actor.user_id) == 0
            assert assets.uploaded_bytes(tx, bob.actor.user_id) > 0


def test_a_manifest_that_would_fill_the_memory_is_not_read(good: Path, bob: Workspace, tmp_path: Path) -> None:
    bomb = b"[" + b"[]," * 1_000_000 + b"0]"
    with pytest.raises(Invalid, match="of another shape"):
        bob.import_archive(written(tmp_path / "a.zip", {**entries(good), "manifest.json": bomb}))
    small = LIMITS.model_copy(update={"archive_rows": 10})
    with pytest.raises(TooLarge, match="more than 10 rows"):
        unpacking.Archive(good, 9999, small)

    def lie(parts: Parts, manifest: Any) -> None:
        data = b"".join(json.dumps(one).encode() + b"\n" for one in parts["tables/comment.jsonl"])
        manifest["tables"]["comment"] = {"rows": 1, "sha256": hashlib.sha256(data).hexdigest()}
        parts["tables/comment.jsonl"] = data

    with pytest.raises(Invalid, match="not what the manifest says"):
        bob.import_archive(resealed(good, tmp_path / "b.zip", lie))


def test_a_changed_byte_is_found(good: Path, bob: Workspace, other: Studio, tmp_path: Path) -> None:
    for name in ("tables/box.jsonl", next(name for name in entries(good) if "/original-" in name)):
        parts = entries(good)
        parts[name] = parts[name][:-2] + bytes([parts[name][-2] ^ 1]) + parts[name][-1:]
        with pytest.raises(Invalid, match=r"damaged or was changed"):
            bob.import_archive(written(tmp_path / "bad.zip", parts))
    assert is_untouched(other)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.9999])
def test_half_an_archive_is_none(good: Path, bob: Workspace, other: Studio, tmp_path: Path, share: float) -> None:
    data = good.read_bytes()
    (tmp_path / "half.zip").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(Invalid):
        bob.import_archive(tmp_path / "half.zip")
    assert is_untouched(other)


def test_what_is_no_archive_is_refused(bob: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"hello")
    with pytest.raises(Invalid, match="not a project archive"):
        bob.import_archive(tmp_path / "a.zip")
    written(tmp_path / "b.zip", {"hello.txt": b"x"})
    with pytest.raises(Invalid, match="an entry is called"):
        bob.import_archive(tmp_path / "b.zip")
    with pytest.raises(Invalid, match="cannot be read"):
        bob.import_archive(tmp_path / "nothing.zip")


def test_bombs_are_not_unpacked(good: Path, bob: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(name for name in entries(good) if "/original-" in name)
    parts = {**entries(good), name: bytes(50_000_000)}
    with pytest.raises(Invalid, match="packed in another way"):
        bob.import_archive(written(tmp_path / "a.zip", parts, method={name: zipfile.ZIP_DEFLATED}))
    parts = {**entries(good), "tables/comment.jsonl": b'"' + bytes(20_000_000)}
    with pytest.raises(Invalid, match="longer than"):
        bob.import_archive(written(tmp_path / "b.zip", parts))
    monkeypatch.setattr(unpacking, "MANIFEST_BYTES", 1000)
    small = LIMITS.model_copy(update={"archive_rows_bytes": 10_000_000})
    with pytest.raises(TooLarge):
        unpacking.Archive(tmp_path / "b.zip", 9999, small)


def test_a_directory_of_millions_is_not_read(tmp_path: Path, bob: Workspace) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for n in range(300):
            archive.writestr(f"{n}" * 60, b"")
    with pytest.raises(TooLarge, match="files"):
        unpacking.Archive(tmp_path / "a.zip", 9999, LIMITS.model_copy(update={"archive_files": 100}))
    lie = bytearray((tmp_path / "a.zip").read_bytes())
    struct.pack_into("<I", lie, lie.rfind(b"PK\5\6") + 12, 0xFFFFFFFF)
    (tmp_path / "b.zip").write_bytes(lie)
    with pytest.raises((Invalid, TooLarge)):
        bob.import_archive(tmp_path / "b.zip")


def test_links_in_the_archive_and_entries_over_each_other_are_refused(
    good: Path, bob: Workspace, tmp_path: Path
) -> None:
    parts = entries(good)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in parts.items():
            info = zipfile.ZipInfo(name)
            if name.startswith("media/"):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            archive.writestr(info, data)
    with pytest.raises(Invalid, match="is no file"):
        bob.import_archive(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("tables/box.jsonl", b"")
    with pytest.raises(Invalid, match="an entry is called"):
        bob.import_archive(tmp_path / "b.zip")


def test_when_it_fails_at_the_end_nothing_is_left(
    good: Path, bob: Workspace, other: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Conflict("at the very end")

    monkeypatch.setattr(bringing, "_read_back", fail)
    with pytest.raises(ApomError):
        bob.import_archive(good)
    assert is_untouched(other)


def test_when_it_is_stopped_nothing_is_left(good: Path, bob: Workspace, other: Studio) -> None:
    class Stop(Exception):
        pass

    def progress(share: float) -> None:
        if share > 0.3:
            raise Stop

    with pytest.raises(Stop):
        other.archives.bring(bob.actor, good, progress)
    assert is_untouched(other)


def swapped(parts: Parts, manifest: Any) -> None:
    """Other originals under the same names, and their rows say so."""
    for asset in parts["tables/asset.jsonl"]:
        if (name := f"media/{asset['file_key']}") in parts:
            parts[name] += b"x"
            asset.update(bytes=len(parts[name]), sha256=hashlib.sha256(parts[name]).hexdigest())


def test_nobody_puts_another_file_in_the_place_of_what_somebody_else_brings_in(good: Path, tmp_path: Path) -> None:
    forged = resealed(good, tmp_path / "forged.zip", swapped)
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False, clock=Clock()) as studio:
        eve, mallory = (studio.workspace(person(studio, name)) for name in ("eve", "mallory"))

        def progress(share: float) -> None:
            if share > 0.5 and not eve.projects().items:
                eve.import_archive(good)

        with pytest.raises(Invalid, match="called after"):
            studio.archives.bring(mallory.actor, forged, progress)
        progress(1)
        with studio._store.read() as tx:
            named = tx.all("select file_key, sha256 from asset where file_key is not null")
        for each in named:
            found = hashlib.sha256(studio._storage.path(each["file_key"]).read_bytes()).hexdigest()
            assert found == each["sha256"], each["file_key"]
