"""What a take starts from, as a model takes it: another type, fewer bytes, or an address to fetch it from."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from conftest import Clock
from engine_room import until
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Loopback, said
from PIL import Image
from starlette.applications import Starlette
from test_providers_service import CREATE, INFO, KEY, SANDBOX, file, opened
from test_providers_service import folder as folder

from apom import studio as studio_module
from apom.api import hooks
from apom.config import MB, Settings
from apom.engine.lending import LIFE, Lending, Lent
from apom.errors import Invalid, TooLarge
from apom.media.fitting import fits, fitted, wanted
from apom.models import InputRole
from apom.studio import Studio

JPEG_ONLY = ("image/jpeg",)
TRANSPARENT = (255, 0, 0, 0)
SEVEN = UUID(int=7)


def grainy(path: Path, kind: str, **more: Any) -> Path:
    Image.effect_noise((900, 600), 90).convert("RGB").save(path, kind, **more)
    return path


def test_what_fits_is_sent_as_it_is(tmp_path: Path) -> None:
    path = grainy(tmp_path / "a.png", "PNG")
    assert fitted(path, "image/png", ("image/jpeg", "image/png"), 10, tmp_path) == (path, "image/png")


def test_a_picture_is_turned_upright_bare_and_small_and_the_original_stays(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    path = grainy(tmp_path / "a.jpg", "JPEG", quality=98, exif=exif)
    before = path.read_bytes()
    out, mime = fitted(path, "image/jpeg", ("image/webp", "image/jpeg"), 0.05, tmp_path)
    assert mime == "image/jpeg" and out != path and out.stat().st_size <= 0.05 * MB and path.read_bytes() == before
    with Image.open(out) as image:
        assert image.height > image.width and not image.getexif() and b"Camera" not in out.read_bytes()


def test_what_is_transparent_becomes_white_where_the_type_knows_no_transparency(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGBA", (64, 64), TRANSPARENT).save(path)
    out, mime = fitted(path, "image/png", JPEG_ONLY, 10, tmp_path)
    with Image.open(out) as image:
        assert (mime, image.format, image.getpixel((5, 5))) == ("image/jpeg", "JPEG", (255, 255, 255))
    out, mime = fitted(path, "image/png", ("image/webp",), 10, tmp_path)
    with Image.open(out) as image:
        assert (image.format, image.mode) == ("WEBP", "RGBA")


def test_what_cannot_be_made_so_is_said(tmp_path: Path) -> None:
    assert wanted("video/mp4", JPEG_ONLY) is None and wanted("image/png", ("image/heic",)) is None
    assert not fits("video/mp4", 11 * MB, ("video/mp4",), 10) and fits("video/mp4", 9 * MB, ("video/mp4",), 10)
    assert fits("image/png", 900 * MB, JPEG_ONLY, 10)
    with pytest.raises(TooLarge, match=r"0\.0001 MB"):
        fitted(grainy(tmp_path / "a.png", "PNG"), "image/png", JPEG_ONLY, 0.0001, tmp_path)


@settings(max_examples=200)
@given(st.text(max_size=80), st.integers(0, 3))
def test_only_addresses_that_were_given_out_and_are_not_over_lead_anywhere(name: str, place: int) -> None:
    clock = Clock()
    lending = Lending(lambda: b"k" * 32, "https://apom.example/", clock)
    lent = Lent(asset_id=SEVEN, mime="image/jpeg", most_mb=7.5)
    url = lending.url(lent)
    assert url is not None
    right = url.rpartition("/")[2]
    assert lending.read(SEVEN, right) == lent
    assert lending.read(UUID(int=8), right) is None and lending.read(SEVEN, name) is None
    parts = right.split(".")
    parts[place] += "x"
    assert lending.read(SEVEN, ".".join(parts)) is None
    clock.move(seconds=LIFE.total_seconds() + 1)
    assert lending.read(SEVEN, right) is None
    assert Lending(lambda: b"k" * 32, "", clock).url(lent) is None


def fetching() -> dict[str, Any]:
    """A provider that fetches what it starts from."""
    edit = next(model for model in json.loads(SANDBOX)["models"] if model["name"] == "sandbox-edit")
    edit["inputs"][0] |= {"as": "url", "mimes": list(JPEG_ONLY), "max_mb": 0.02}
    return {**file(), "models": [edit]}


def test_a_provider_that_fetches_gets_an_address_for_that_one_file(tmp_path: Path, folder: Path) -> None:
    (folder / "acme.json").write_text(json.dumps(fetching()), "utf-8")
    with Loopback() as provider:
        provider.on("POST", CREATE, said({"code": 200, "data": {"taskId": "t1"}}))
        provider.on("GET", INFO, said({"code": 200, "data": {"state": "waiting"}}))
        home = Settings(data_dir=tmp_path / "data", public_url="https://apom.example", sandbox_image_s=0.1)
        with Studio.open(home) as studio:
            studio_module.set_current(studio)
            office = opened(studio, folder)
            office.admin.set_address("acme", provider.url, may_be_private=True)
            office.admin.set_key("acme", KEY)
            box = office.alice.create_box(office.alice.create_project("P"), "one")
            picture = office.alice.wait(office.alice.generate(box, "a boat"), timeout_s=60)[0]
            inputs = [(InputRole.EDIT_SOURCE, picture.id)]
            office.alice.create_asset(box, "night", model="acme/sandbox-edit", inputs=inputs)
            until(lambda: provider.count("POST", CREATE) == 1)
            sent = next(seen for seen in provider.seen if seen.path == CREATE)
            url = next(word for word in sent.body.decode().split('"') if "/hooks/files/" in word)
            assert url.startswith(f"https://apom.example/hooks/files/{picture.id}/") and url.endswith(".jpg")
            whole, part, wrong, foreign = asyncio.run(
                got((url, {}), (url, {"Range": "bytes=0-9"}), (f"{url[:-5]}x.jpg", {}), (url.replace("1", "2"), {}))
            )
            studio_module.set_current(None)
        assert whole.headers["content-type"] == "image/jpeg" and len(whole.content) <= 0.02 * MB
        assert Image.open(io.BytesIO(whole.content)).format == "JPEG"
        assert (part.status_code, part.content) == (206, whole.content[:10])
        assert (wrong.status_code, foreign.status_code) == (404, 404)
        assert not list((tmp_path / "data" / "media" / "tmp").glob("*")), "what was made for it is gone"


async def got(*asked: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    app = Starlette(routes=[*hooks.ROUTES])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        return [await client.get(url, headers=headers) for url, headers in asked]


def test_where_nobody_can_fetch_the_order_is_refused_before_anything_is_stored(
    tmp_path: Path, folder: Path, clock: Clock
) -> None:
    (folder / "acme.json").write_text(json.dumps(fetching()), "utf-8")
    with Studio.open(Settings(data_dir=tmp_path / "data", sandbox_image_s=0.1)) as studio:
        office = opened(studio, folder)
        office.admin.set_key("acme", KEY)
        box = office.alice.create_box(office.alice.create_project("P"), "one")
        picture = office.alice.wait(office.alice.generate(box, "a boat"), timeout_s=60)[0]
        with pytest.raises(Invalid, match="nobody outside can reach this server"):
            office.alice.create_asset(
                box, "night", model="acme/sandbox-edit", inputs=[(InputRole.EDIT_SOURCE, picture.id)]
            )
        assert office.alice.project(box.project_id).assets_count == 1
