"""Pictures and clips without the words in them: the same pixels, the same length, and no prompt, place or camera."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import clip, corner
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from apom.config import LIMITS
from apom.errors import BadMedia
from apom.media.blank import clean, of_picture
from apom.media.images import full
from apom.media.patches import Patch, Patched
from apom.media.sniff import GIF, JPEG, PNG, WEBP, sniff

SECRET = "a lighthouse keeper, seed 4711"
PLACE = "+59.9343+030.3351/"
SUBTITLES = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,16\n\n"
    "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "HEIF"]


def exif(turned: int = 1) -> Image.Exif:
    """As a telephone writes it: what is seen, and where it was taken."""
    made = Image.Exif()
    made[0x010E], made[0x0112] = SECRET, turned
    made.get_ifd(0x8825).update({1: "N", 2: (59.0, 56.0, 3.5), 3: "E", 4: (30.0, 20.0, 6.4), 29: "2026:11:28"})
    return made


def picture(path: Path, form: str, turned: int = 1) -> Path:
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    words = PngInfo()
    words.add_text("parameters", SECRET)
    words.add_itxt("prompt", SECRET)
    words.add_text("workflow", SECRET, zip=True)
    more = {"PNG": {"pnginfo": words}, "JPEG": {"comment": SECRET}, "GIF": {"comment": SECRET}}.get(form, {})
    said = {} if form == "GIF" else {"exif": exif(turned), "xmp": SECRET.encode()}
    corner().save(path, form, **said, **more)
    return path


def cleaned(path: Path) -> Path:
    target = path.with_name(f"clean-{path.name}")
    assert clean(path).write(target) == path.stat().st_size == target.stat().st_size
    return target


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize("form", FORMATS)
def test_the_words_go_and_the_pixels_stay(tmp_path: Path, form: str) -> None:
    before = picture(tmp_path / "x", form)
    assert SECRET.encode() in before.read_bytes()
    after = cleaned(before)
    assert SECRET.encode() not in after.read_bytes() and b"2026:11:28" not in after.read_bytes()
    assert pixels(before) == pixels(after)
    with Image.open(after) as image:
        assert not {"parameters", "prompt", "workflow", "comment"} & image.info.keys()
        assert not image.getexif().get_ifd(0x8825)
    assert cleaned(after).read_bytes() == after.read_bytes()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_turned_photograph_stays_upright_and_keeps_its_colours(tmp_path: Path, form: str) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "x"
    corner().save(path, form, exif=exif(6), icc_profile=profile)
    after = cleaned(path)
    with Image.open(after) as image:
        image.load()
        assert image.getexif()[0x0112] == 6 and not image.getexif().get_ifd(0x8825)
        assert image.info["icc_profile"] == profile
    assert full(after, form, LIMITS).size == (90, 160)


def test_what_hangs_behind_a_picture_goes(tmp_path: Path) -> None:
    for form in ("PNG", "JPEG", "WEBP", "GIF"):
        path = picture(tmp_path / form, form)
        path.write_bytes(path.read_bytes() + SECRET.encode())  # a depth map, a clip, anything
        assert SECRET.encode() not in cleaned(path).read_bytes()


def test_an_animation_goes_on_moving(tmp_path: Path) -> None:
    path = tmp_path / "x.gif"
    corner().save(path, save_all=True, append_images=[corner((160, 90)).rotate(180)], comment=SECRET, loop=0)
    with Image.open(cleaned(path)) as image:
        assert image.n_frames == 2 and image.info["loop"] == 0


def frames(path: Path) -> list[tuple[float | None, bytes]]:
    with av.open(str(path)) as container:
        return [(frame.time, bytes(frame.planes[0])) for frame in container.decode(video=0)]


def spoken(source: Path, target: Path, flags: str, text: str = "") -> Path:
    """As ComfyUI, a telephone and a drone write: words for the whole, names of tracks, and a track of places."""
    is_boxes = target.suffix in (".mp4", ".mov")
    options = {"movflags": flags} if is_boxes else {}
    with av.open(str(source)) as given, av.open(str(target), "w", options=options) as made:
        for name in ("prompt", "workflow", "comment", "title"):
            made.metadata[name] = SECRET
        made.metadata["com.apple.quicktime.location.ISO6709"] = PLACE
        made.metadata["location"] = PLACE
        tracks = {each.index: made.add_stream_from_template(each) for each in given.streams}
        for each in tracks.values():
            each.metadata["handler_name"] = each.metadata["title"] = SECRET
        places = made.add_stream(text) if text else None
        if places:
            places.codec_context.subtitle_header = SUBTITLES.encode()
            places.time_base = Fraction(1, 1000)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream.index]
                made.mux(packet)
        for number in range(3 if places else 0):
            said = PLACE.encode()
            packet = av.Packet(struct.pack(">H", len(said)) + said if is_boxes else said)
            packet.stream, packet.pts, packet.dts = places, number * 500, number * 500
            packet.duration, packet.time_base = 400, Fraction(1, 1000)
            made.mux(packet)
    return target


CLIPS = [
    ("a.mp4", "use_metadata_tags", "mov_text"),
    ("b.mp4", "+use_metadata_tags+faststart", ""),
    ("c.mov", "use_metadata_tags", "mov_text"),
    ("d.mp4", "+frag_keyframe+empty_moov+use_metadata_tags", "mov_text"),
    ("e.mp4", "+faststart", ""),
    ("f.webm", "", ""),
    ("g.mkv", "", "subrip"),
]


@pytest.mark.parametrize(("name", "flags", "text"), CLIPS, ids=[name for name, *_ in CLIPS])
def test_a_clip_keeps_its_samples_and_loses_words_places_and_tracks_of_them(
    tmp_path: Path, name: str, flags: str, text: str
) -> None:
    codec = "libvpx-vp9" if name.endswith("webm") else "libx264"
    path = spoken(clip(tmp_path / f"source-{name}", codec=codec, sound=True), tmp_path / name, flags, text)
    raw = path.read_bytes()
    assert SECRET.encode() in raw and (PLACE.encode() in raw or name == "e.mp4")
    after = cleaned(path)
    assert SECRET.encode() not in after.read_bytes() and PLACE.encode() not in after.read_bytes()
    assert frames(after) == frames(path)
    with av.open(str(after)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        assert not {"prompt", "workflow", "comment", "title", "creation_time"} & {k.lower() for k in container.metadata}
        assert sum(1 for _ in container.decode(audio=0)) > 0
    assert cleaned(after).read_bytes() == after.read_bytes()


def test_a_webm_as_a_browser_records_it_has_no_lengths(tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    with (
        av.open(str(clip(tmp_path / "s.webm", codec="libvpx-vp9"))) as given,
        path.open("wb") as out,
        av.open(Unseekable(out), "w", format="webm", options={"live": "1"}) as made,
    ):
        made.metadata["comment"] = SECRET
        track = made.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = track
                made.mux(packet)
    assert SECRET.encode() in path.read_bytes()
    after = cleaned(path)
    assert SECRET.encode() not in after.read_bytes() and frames(after) == frames(path)


class Unseekable:
    """A stream, as a network is one."""

    def __init__(self, file: io.BufferedWriter) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        return self._file.write(data)


@given(st.binary(max_size=300), st.sampled_from([PNG, JPEG, WEBP, GIF]))
def test_what_is_no_picture_is_no_reason_to_fail(data: bytes, kind: object) -> None:
    for patch in of_picture(data, kind):  # type: ignore[arg-type]
        assert patch.size == patch.end - patch.start >= 0


@given(st.data())
def test_damage_never_leaves_words_behind_nor_changes_the_length(data: st.DataObject) -> None:
    out = io.BytesIO()
    words = PngInfo()
    words.add_text("parameters", SECRET)
    form = data.draw(st.sampled_from(["PNG", "GIF", "WEBP"]))
    more = {"PNG": {"pnginfo": words}, "GIF": {"comment": SECRET}, "WEBP": {"exif": exif()}}[form]
    corner((8, 8)).save(out, form, **more)
    half = out.getvalue()[: data.draw(st.integers(0, len(out.getvalue())))]
    kind = {"PNG": PNG, "GIF": GIF, "WEBP": WEBP}[form]
    gone = sorted((p.start, p.end) for p in of_picture(half, kind))
    at = half.find(SECRET.encode())
    assert at < 0 or any(start <= at and at + len(SECRET) <= end for start, end in gone)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"\0\0\0\x18ftypisom", b"\0\0\0\x18ftypheic", b"\x1aE\xdf\xa3\x42\x82\x84webm"]),
)
def test_hostile_containers_end(tmp_path_factory: pytest.TempPathFactory, data: bytes, head: bytes) -> None:
    path = tmp_path_factory.mktemp("hostile") / "x"
    path.write_bytes(head.ljust(24, b"\0") + data)
    try:
        sniff(path.read_bytes())
    except BadMedia:
        with pytest.raises(BadMedia):
            clean(path)
        return
    assert clean(path).size == path.stat().st_size == sum(map(len, clean(path).read()))


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_part_of_a_patched_file_is_that_part_of_the_whole(data: bytes, draw: st.DataObject) -> None:
    import tempfile

    places = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    patches = [
        Patch(start=a, end=b, data=draw.draw(st.binary(max_size=4)), zeros=draw.draw(st.integers(0, 3)))
        for a, b in zip(places[::2], places[1::2], strict=False)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(data)
        file = Patched(path, patches)
        whole = b"".join(file.read())
        start, end = sorted(draw.draw(st.tuples(st.integers(0, 60), st.integers(0, 60))))
        assert b"".join(file.read(start, end)) == whole[start:end] and len(whole) == file.size
