"""Pictures without the words in them: the same pixels, the same length, and no prompt."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from apom.media.blank import blank

SECRET = "a lighthouse keeper, seed 4711"


def picture(format: str) -> bytes:
    image = Image.linear_gradient("L").convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = SECRET  # ImageDescription
    words = PngInfo()
    words.add_text("parameters", SECRET)
    words.add_itxt("prompt", SECRET)
    words.add_text("workflow", SECRET, zip=True)
    options = {"pnginfo": words} if format == "PNG" else {}
    out = io.BytesIO()
    more = {"comment": SECRET.encode()} if format == "JPEG" else {"xmp": SECRET.encode()} if format == "WEBP" else {}
    image.save(out, format, exif=exif, **options, **more)
    return out.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_the_words_go_and_the_pixels_stay(format: str) -> None:
    before = picture(format)
    after = blank(before)
    assert SECRET.encode() in before and SECRET.encode() not in after and len(after) == len(before)
    with Image.open(io.BytesIO(before)) as ours, Image.open(io.BytesIO(after)) as theirs:
        theirs.load()
        assert ours.tobytes() == theirs.tobytes() and ours.size == theirs.size
        assert "parameters" not in theirs.info and "prompt" not in theirs.info
    assert blank(after) == after


def test_a_turned_photograph_stays_upright() -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = SECRET, 6
    out = io.BytesIO()
    Image.new("RGB", (32, 16)).save(out, "JPEG", exif=exif)
    with Image.open(io.BytesIO(blank(out.getvalue()))) as image:
        assert dict(image.getexif()) == {0x0112: 6}


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\x00\x00\x00\x00WEBP"]))
def test_what_is_no_picture_keeps_its_length(data: bytes, head: bytes) -> None:
    assert len(blank(head + data)) == len(head + data)


@given(st.integers(0, 2000))
def test_half_a_picture_is_no_reason_to_fail(length: int) -> None:
    half = picture("PNG")[:length]
    assert len(blank(half)) == len(half)
