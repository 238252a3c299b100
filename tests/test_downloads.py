"""A take as a file to keep: clean for everybody who may look, with its recipe for who works on it, and no place anywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import av
import httpx
import pytest
from conftest import Cast, let_in
from media_samples import clip, corner, sound
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from test_idor import API, As
from test_media_blank import PLACE, SECRET, frames, picture, pixels, spoken
from test_review_routes import send

from apom import studio as studio_module
from apom.api.review_routes import cookie_name
from apom.derivatives import REBUILD
from apom.errors import NotAllowed, NotFound
from apom.media.labels import BY_A_MODEL, Label, labelled, packet, parameters
from apom.media.recipes import read_recipe
from apom.models import Actor, Box, JobState, Mark, Role, new_id
from apom.studio import Studio

LABEL = Label(
    take=UUID(int=7),
    shot="010",
    made_at=datetime(2026, 11, 28, tzinfo=UTC),
    is_generated=True,
    prompt='маяк & <sea> "at dawn", fog',
    model="kie/x, turbo",
    seed=4711,
    width=160,
    height=90,
    params={"steps": 20, "negative_prompt": "people"},
)


@pytest.fixture(autouse=True)
def current(studio: Studio) -> Iterator[None]:
    studio_module.set_current(studio)
    yield
    studio_module.set_current(None)


@pytest.fixture
def box(cast: Cast) -> Box:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor", Role.VIEWER)
    return cast.alice.create_box(project, "one")


def ask(actor: Actor | None, url: str, **headers: str) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(As(API, actor))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://apom") as client:
            return await client.get(url, headers=headers)

    return asyncio.run(go())


def test_the_recipe_lies_beside_the_pixels_and_other_programs_read_it(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    corner().save(path)
    labelled(path, LABEL, tmp_path).write(tmp_path / "y.png")
    with Image.open(tmp_path / "y.png") as image:
        said = image.text
        assert image.getxmp()["xmpmeta"]["RDF"]["Description"]["DigitalSourceType"] == BY_A_MODEL
    assert said["parameters"].splitlines() == [
        LABEL.prompt,
        "Negative prompt: people",
        'Steps: 20, Seed: 4711, Size: 160x90, Model: "kie/x, turbo"',
    ]
    assert json.loads(said["apom"])["params"] == LABEL.params
    found = read_recipe(tmp_path / "y.png")
    assert (found.prompt, found.model, found.seed) == (LABEL.prompt, LABEL.model, LABEL.seed)
    assert pixels(path) == pixels(tmp_path / "y.png")


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}),
    ],
)
def test_pictures_without_texts_get_xmp(tmp_path: Path, form: str, options: dict[str, object]) -> None:
    path, made = tmp_path / "x", tmp_path / "y"
    image = corner()
    if options.get("lossless"):
        image.putalpha(128)
    image.save(path, form, **options)  # type: ignore[arg-type]
    labelled(path, LABEL, tmp_path).write(made)
    with Image.open(made) as image:
        said = image.getxmp()["xmpmeta"]["RDF"]["Description"]
        image.load()
        assert (image.format, image.mode) == (form, "RGBA" if options.get("lossless") else "RGB")
    assert (said["DigitalSourceType"], said["AIPromptInformation"]) == (BY_A_MODEL, LABEL.prompt)
    found = read_recipe(made)
    assert (found.prompt, found.model, found.seed) == (LABEL.prompt, LABEL.model, LABEL.seed)
    assert pixels(path) == pixels(made)


def test_a_long_prompt_is_cut_where_it_does_not_fit_and_what_is_no_xml_is_left_out() -> None:
    from dataclasses import replace
    from xml.dom.minidom import parseString

    long = replace(LABEL, prompt="&\x00\ud800маяк" * 4000)
    assert len(packet(long)) > 65_000 > len(packet(long, 65_000)) > 10_000
    parseString(packet(long, 65_000))  # our own
    uploaded = replace(LABEL, is_generated=False)
    assert BY_A_MODEL.encode() not in packet(uploaded)
    assert parameters(replace(LABEL, params={}, seed=None, model="", width=None)).splitlines() == [LABEL.prompt]


@pytest.mark.parametrize("name", ["a.mp4", "b.mov", "c.webm", "d.mkv"])
def test_clips_say_it_too_and_every_frame_stays(tmp_path: Path, name: str) -> None:
    path = clip(tmp_path / name, codec="libvpx-vp9" if "webm" in name else "libx264", sound=True)
    labelled(path, LABEL, tmp_path).write(tmp_path / f"made-{name}")
    with av.open(str(tmp_path / f"made-{name}")) as container:
        said = {key.lower(): value for key, value in container.metadata.items()}
    assert said["comment"] == LABEL.prompt
    assert json.loads(said.get("apom") or said["description"])["seed"] == LABEL.seed
    assert frames(path) == frames(tmp_path / f"made-{name}")


def test_who_looks_on_gets_clean_files_and_who_works_on_it_both(cast: Cast, box: Box, tmp_path: Path) -> None:
    words, path = PngInfo(), tmp_path / "x.png"
    words.add_text("workflow", SECRET)
    words.add_text("parameters", "boats\nSteps: 20, Sampler: Euler, Seed: 5, Model: m")
    corner().save(path, pnginfo=words)
    take = cast.alice.upload(box, path).take
    name = f"010_{take.id.hex[:8]}.png"
    clean = cast.victor.download(take, tmp_path)
    assert clean.path == tmp_path / name and clean.bytes == path.stat().st_size
    assert SECRET.encode() not in clean.path.read_bytes() and pixels(clean.path) == pixels(path)
    with pytest.raises(NotAllowed, match="clean"):
        cast.victor.download(take, tmp_path, metadata=True)
    whole = cast.alice.download(take, tmp_path / "whole.png", metadata=True)
    found = read_recipe(whole.path)
    assert (found.prompt, found.seed) == ("boats", 5) and SECRET.encode() in whole.path.read_bytes()
    for nobody in (lambda: cast.bob.download(take, tmp_path), lambda: cast.alice.download(new_id(), tmp_path)):
        with pytest.raises(NotFound):
            nobody()
    cast.alice.mark([Mark(asset_id=take.id, trashed=True)])
    with pytest.raises(NotFound):
        cast.alice.download(take, tmp_path)


def test_by_rest_it_comes_as_a_file_with_a_name_and_by_ranges(cast: Cast, box: Box, tmp_path: Path) -> None:
    path = spoken(clip(tmp_path / "s.mp4"), tmp_path / "x.mp4", "use_metadata_tags", "mov_text")
    take = cast.alice.upload(box, path).take
    url = f"/assets/{take.id}/download"
    clean = ask(cast.victor.actor, url)
    assert clean.headers["content-disposition"] == f"attachment; filename*=UTF-8''010_{take.id.hex[:8]}.mp4"
    assert clean.headers["content-type"] == "video/mp4" and int(clean.headers["content-length"]) == take.bytes
    assert SECRET.encode() not in clean.content and PLACE.encode() not in clean.content
    part = ask(cast.victor.actor, url, Range="bytes=100-299")
    assert (part.status_code, part.content) == (206, clean.content[100:300])
    assert ask(cast.victor.actor, url, Range="bytes=-10").content == clean.content[-10:]
    assert ask(cast.victor.actor, url, Range="bytes=99999999-").status_code == 416
    assert ask(cast.alice.actor, f"{url}?metadata=true").status_code == 200
    assert [ask(who, f"{url}?metadata=true").status_code for who in (cast.victor.actor, cast.bob.actor, None)] == [
        403,
        404,
        401,
    ]


def test_behind_a_link_a_clip_says_nothing_and_plays_by_ranges(
    cast: Cast, studio: Studio, box: Box, tmp_path: Path
) -> None:
    path = spoken(clip(tmp_path / "s.mp4"), tmp_path / "x.mp4", "+faststart+use_metadata_tags", "mov_text")
    take = cast.alice.upload(box, path).take
    cast.alice.set_headliner(box, take)
    cast.alice.publish_round(box.project_id)
    made = cast.alice.create_link(box.project_id, "client", can_download=True)
    jar = {cookie_name(studio.settings, made.link.id): f"{made.token}.{'b' * 43}"}
    url = f"/review/m/{made.link.id}/{take.id}/{str(take.file_url).rpartition('/')[2]}"
    for address in (url, f"{url}?keep=1"):
        whole = send("GET", address, jar)
        assert whole.status_code == 200 and len(whole.content) == take.bytes
        assert SECRET.encode() not in whole.content and PLACE.encode() not in whole.content
        part = send("GET", address, jar, headers={"Range": "bytes=40-99"})
        assert (part.status_code, part.content) == (206, whole.content[40:100])
        known = send("GET", address, jar, headers={"If-None-Match": whole.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
    (tmp_path / "y.mp4").write_bytes(whole.content)
    assert frames(tmp_path / "y.mp4") == frames(path)
    cast.alice.change_link(made.link, show_prompts=True)
    assert send("GET", url, jar).content == path.read_bytes()
    cast.alice.change_link(made.link, show_prompts=False)
    assert SECRET.encode() not in send("GET", url, jar, headers={"If-None-Match": f'"{Path(url).stem}"'}).content


def test_no_place_leaves_the_house(cast: Cast, studio: Studio, box: Box, tmp_path: Path) -> None:
    """Small pictures, previews, proxies, stills, documents, clean files: of photographs and clips with a place in them."""
    photos = [picture(tmp_path / "a.jpg", "JPEG", turned=6), picture(tmp_path / "b.heic", "HEIF")]
    moves = [
        spoken(clip(tmp_path / "s.mov"), tmp_path / "c.mov", "use_metadata_tags"),
        spoken(clip(tmp_path / "s.mkv", codec="libx265"), tmp_path / "d.mkv", "", "subrip"),
    ]
    takes = [cast.alice.upload(box, path).take for path in (*photos, *moves)]
    studio.jobs._is_on = lambda: True
    studio.jobs.start()
    studio.derivatives.order_proxies()
    job = cast.alice.rebuild_media(box.project_id)
    job = _over(cast, job)
    assert (job.kind, job.state) == (REBUILD, JobState.DONE)
    cast.alice.frame(takes[2], 0.5)
    cast.alice.set_headliner(box, takes[0])
    shared = [cast.alice.export_docx(box.project_id, tmp_path / "p.docx").path]
    shared += [cast.victor.download(take, tmp_path).path for take in takes]
    shared += [each for each in (studio.settings.data_dir / "media").rglob("*-*.*") if take_of(each, takes)]
    assert {each.name.partition("-")[0] for each in shared[5:]} >= {"thumb", "preview", "proxy", "original"}
    for path in shared:
        raw = path.read_bytes()
        assert SECRET.encode() not in raw and PLACE.encode() not in raw and b"2026:11:28" not in raw, path
        if path.suffix in (".jpg", ".webp", ".png", ".heic"):
            with Image.open(path) as image:
                image.load()
                assert not image.getexif().get_ifd(0x8825), path
                assert not bytes(image.info.get("xmp") or b"").strip(b"\0"), path


def _over(cast: Cast, job: object) -> object:
    import time

    end = time.monotonic() + 60
    while (found := cast.alice.job(job)).state not in (JobState.DONE, JobState.FAILED):  # type: ignore[arg-type]
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def take_of(path: Path, takes: list[object]) -> bool:
    """Whether a stored file was made from one of these takes, or is another take's own: a still."""
    ids = {str(take.id) for take in takes}  # type: ignore[attr-defined]
    return path.parent.name not in ids or not path.name.startswith("original-")


def test_sound_leaves_without_its_title_too(cast: Cast, tmp_path: Path) -> None:
    project = cast.alice.create_project("P")
    let_in(cast.alice, project, "victor", Role.VIEWER)
    path = sound(tmp_path / "song.mp3", words={"title": SECRET})
    assert SECRET.encode() in path.read_bytes()
    take = cast.alice.upload(cast.alice.sound_box(project), path).take
    kept = cast.victor.download(take, tmp_path)
    assert kept.mime == "audio/mpeg" and SECRET.encode() not in kept.path.read_bytes()
    with av.open(str(kept.path)) as container:
        assert sum(1 for _ in container.decode(audio=0)) > 0
    assert cast.alice.download(take, tmp_path / "whole.mp3", metadata=True).path.read_bytes() == path.read_bytes()
