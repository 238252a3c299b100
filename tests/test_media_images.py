"""Pictures of every mode become good thumbnails; hostile and broken ones become a sentence."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_samples import BLUE, RED, corner, cut, is_red, png
from PIL import Image, ImageCms, ImageFile
from PIL.ExifTags import GPS, IFD, Base

from apom.config import LIMITS
from apom.errors import BadMedia, TooLarge
from apom.media import images
from apom.media.images import Picture, placeholder, read, write_thumb

FORMATS = [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("GIF", "gif"), ("AVIF", "avif")]


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def seen(path: Path, reader: str = "PNG") -> Picture:
    return read(path, reader, LIMITS)


@pytest.mark.parametrize(("reader", "ext"), FORMATS)
def test_every_format_is_measured_and_shrunk(tmp_path: Path, reader: str, ext: str) -> None:
    picture = seen(saved(tmp_path / f"x.{ext}", corner((1600, 900))), reader)
    assert (picture.width, picture.height) == (1600, 900)
    assert picture.small.size == (640, 360)
    assert is_red(picture.small.getpixel((20, 20))) and not is_red(picture.small.getpixel((600, 20)))


@pytest.mark.parametrize(
    ("size", "small"), [((100, 50), (100, 50)), ((900, 1600), (360, 640)), ((3000, 1), (640, 1)), ((1, 1), (1, 1))]
)
def test_the_longer_side_is_640_at_most_and_nothing_is_blown_up(
    tmp_path: Path, size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert seen(saved(tmp_path / "x.png", Image.new("RGB", size))).small.size == small


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_a_png_is_shown_as_it_is(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGB", (1300, 800), (255, 255, 255) if mode == "1" else (204, 0, 51)).convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(128)
    small = seen(saved(tmp_path / "x.png", image)).small
    assert small.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")
    expected = image.convert("RGBA").getpixel((100, 100))
    assert small.convert("RGBA").getpixel((50, 50)) == pytest.approx(expected, abs=3)


def test_a_transparent_palette_stays_transparent(tmp_path: Path) -> None:
    image = corner(mode="P")
    transparency = bytes([0]) + bytes([255]) * 255
    small = seen(saved(tmp_path / "x.png", image, transparency=transparency)).small
    assert small.mode == "RGBA"


def test_16_bit_grey_is_scaled_and_not_clipped_to_white(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype("uint16"), (64, 1))
    small = seen(saved(tmp_path / "x.png", Image.fromarray(ramp))).small
    assert [small.getpixel((x, 5))[0] for x in (0, 128, 255)] == pytest.approx([0, 128, 255], abs=1)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    small = seen(saved(tmp_path / "x.jpg", corner((800, 600), "CMYK"), quality=95), "JPEG").small
    assert small.mode == "RGB" and is_red(small.getpixel((50, 50)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photo_is_measured_and_shown_as_it_is_seen(tmp_path: Path, orientation: int) -> None:
    back = {turn: images.TURNS.get(turn) for turn in range(1, 9)} | {6: images.TURNS[8], 8: images.TURNS[6]}
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    image = corner((900, 600))
    stored = image if back[orientation] is None else image.transpose(back[orientation])
    for name, reader in (("x.jpg", "JPEG"), ("x.png", "PNG"), ("x.webp", "WEBP")):
        picture = seen(saved(tmp_path / name, stored, exif=exif), reader)
        assert (picture.width, picture.height) == (900, 600)
        assert is_red(picture.small.getpixel((100, 100)))
        assert not any(is_red(picture.small.getpixel(at)) for at in ((600, 100), (100, 400), (600, 400)))


def test_an_unknown_orientation_turns_nothing(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = 99
    assert seen(saved(tmp_path / "x.jpg", corner(), exif=exif), "JPEG").width == 160


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow says that it is corrupt
def test_broken_exif_spoils_no_picture(tmp_path: Path) -> None:
    for garbage in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01"):
        assert seen(saved(tmp_path / "x.jpg", corner(), exif=garbage), "JPEG").width == 160


def test_colours_of_a_profile_become_srgb(tmp_path: Path) -> None:
    swapped = wide_profile()
    plain = seen(saved(tmp_path / "a.png", Image.new("RGB", (64, 64), (0, 200, 0)))).small
    profiled = seen(saved(tmp_path / "b.png", Image.new("RGB", (64, 64), (0, 200, 0)), icc_profile=swapped)).small
    assert plain.getpixel((5, 5)) == (0, 200, 0)
    assert profiled.getpixel((5, 5)) != (0, 200, 0)


def wide_profile() -> bytes:
    """sRGB with its red and green primaries exchanged: wrong on purpose, so that using it shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    at = {bytes(profile[i : i + 4]): i for i in range(132, 132 + count * 12, 12)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    profile[red + 4 : red + 12], profile[green + 4 : green + 12] = (
        profile[green + 4 : green + 12],
        profile[red + 4 : red + 12],
    )
    return bytes(profile)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK"])
def test_a_profile_that_does_not_fit_spoils_no_picture(tmp_path: Path, mode: str) -> None:
    name, reader = ("x.jpg", "JPEG") if mode == "CMYK" else ("x.png", "PNG")
    for profile in (b"garbage", wide_profile()[:200], wide_profile()):
        picture = seen(saved(tmp_path / name, corner(mode=mode), icc_profile=profile), reader)
        assert picture.small.mode in ("RGB", "RGBA")


def moving(path: Path, frames: int = 6) -> Path:
    noise = [Image.effect_noise((80, 60), 90 + number).convert("RGB") for number in range(frames - 1)]
    return saved(path, corner((80, 60)), save_all=True, append_images=noise, duration=50)


@pytest.mark.parametrize(("reader", "ext"), [f for f in FORMATS if f[0] != "JPEG"])
def test_of_an_animation_the_first_frame_is_shown(tmp_path: Path, reader: str, ext: str) -> None:
    picture = seen(moving(tmp_path / f"x.{ext}"), reader)
    assert (picture.width, picture.height) == (80, 60)
    assert is_red(picture.small.getpixel((10, 10)))


@pytest.mark.parametrize(("reader", "ext"), [f for f in FORMATS if f[0] != "JPEG"])
def test_an_animation_that_was_cut_is_refused(tmp_path: Path, reader: str, ext: str) -> None:
    with pytest.raises(BadMedia, match="incomplete"):
        seen(cut(moving(tmp_path / f"x.{ext}"), 0.7), reader)


def test_an_endless_animation_is_refused_unseen(tmp_path: Path) -> None:
    limits = LIMITS.model_copy(update={"animation_pixels": 80 * 60 * 5})
    with pytest.raises(TooLarge, match="6 frames of 80 × 60"):
        read(moving(tmp_path / "x.gif"), "GIF", limits)


@pytest.mark.parametrize(("reader", "ext"), FORMATS)
def test_a_picture_that_was_cut_is_refused(tmp_path: Path, reader: str, ext: str) -> None:
    path = saved(tmp_path / f"x.{ext}", Image.effect_noise((300, 200), 80).convert("RGB"))
    with pytest.raises(BadMedia, match="incomplete"):
        seen(cut(path, 0.6), reader)


def bomb(path: Path, side: int) -> Path:
    """A picture of side² pixels in a few hundred kilobytes."""
    squeeze = zlib.compressobj(1)
    row = bytes(side + 1)
    path.write_bytes(png(side, side, b"".join([*(squeeze.compress(row) for _ in range(side)), squeeze.flush()])))
    return path


@pytest.mark.parametrize("side", [8_000, 10_000, 20_000])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "x.png", side) if side == 10_000 else tmp_path / "x.png"
    if side != 10_000:
        path.write_bytes(png(side, side, b"its header is enough"))
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)  # no pixel is decoded
    with pytest.raises(TooLarge, match="60"):
        seen(path)


def hostile() -> dict[str, bytes]:
    good = png(4, 4)
    text = b"zTXtparameters\0\0" + zlib.compress(bytes(60_000_000), 9)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return {
        "only a header": good[:33],
        "no width": png(0, 4),
        "no height": png(4, 0),
        "lies about its size": png(60_000, 60_000, zlib.compress(b"x")),
        "pixels missing": png(400, 400, zlib.compress(b"x")),
        "garbage pixels": png(4, 4, b"garbage"),
        "checksum wrong": good[:29] + b"\0\0\0\0" + good[33:],
        "text bomb": good[:33] + chunk + good[33:],
        "signature only": good[:8],
    }


HOSTILE = hostile()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(HOSTILE[name])
    with pytest.raises((BadMedia, TooLarge)):
        seen(path)


def test_only_the_reader_its_bytes_call_for_opens_a_file(tmp_path: Path) -> None:
    for ext in ("bmp", "tiff", "ico", "ppm", "eps"):
        with pytest.raises(BadMedia):
            seen(saved(tmp_path / f"x.{ext}", corner((32, 32))))
    with pytest.raises(BadMedia):
        seen(saved(tmp_path / "x.gif", corner()), "PNG")


def test_a_fault_of_the_disk_is_no_fault_of_the_picture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        seen(tmp_path / "missing.png")


GOOD = {reader: io.BytesIO() for reader, _ in FORMATS}
for _reader, _buffer in GOOD.items():
    corner((40, 30)).save(_buffer, _reader)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it finds odd
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_flipped_bytes_give_a_picture_or_a_sentence(tmp_path: Path, reader: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[reader].getvalue())
    places = st.integers(0, len(content) - 1)
    for at, value in data.draw(st.dictionaries(places, st.integers(0, 255), max_size=8)).items():
        content[at] = value
    path = tmp_path / "x"
    path.write_bytes(content)
    with suppress(BadMedia, TooLarge):
        assert seen(path, reader).width > 0


def test_a_thumbnail_carries_no_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Make] = "Camera of alice"
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitudeRef] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options = {"exif": exif, "xmp": b"<x:xmpmeta>alice</x:xmpmeta>", "icc_profile": profile}
    path = saved(tmp_path / "x.jpg", corner(), **options)
    assert b"alice" in path.read_bytes()
    thumb = tmp_path / "thumb.webp"
    write_thumb(seen(path, "JPEG").small, thumb)
    content = thumb.read_bytes()
    assert content[8:12] == b"WEBP"
    assert not any(mark in content for mark in (b"alice", b"EXIF", b"XMP ", b"ICCP"))


@pytest.mark.parametrize("channels", [3, 4])
def test_a_placeholder_is_a_short_data_uri(channels: int) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, channels), dtype="uint8")
    for image in (Image.fromarray(noise), Image.new("RGB", (640, 1), RED), Image.new("RGB", (64, 64), BLUE)):
        uri = placeholder(image)
        assert uri.startswith("data:image/webp;base64,") and len(uri) < 400
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as small:
            assert max(small.size) <= 16
