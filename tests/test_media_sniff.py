"""What a file is, by its bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apom.errors import BadMedia
from apom.media.sniff import (
    AAC,
    AVIF,
    FLAC,
    GIF,
    HEAD,
    HEIC,
    JPEG,
    M4A,
    MKV,
    MOV,
    MP3,
    MP4,
    OGG,
    PNG,
    WAV,
    WEBM,
    WEBP,
    Kind,
    sniff,
)


def box(major: bytes, *others: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(others)
    return (len(body) + 4).to_bytes(4, "big") + body + b"mif1 comes after the box"


TAKEN = [
    (b"\x89PNG\r\n\x1a\n....", PNG),
    (b"\xff\xd8\xff\xe0....JFIF", JPEG),
    (b"RIFF\x10\0\0\0WEBPVP8 ", WEBP),
    (b"GIF87a...", GIF),
    (b"GIF89a...", GIF),
    (box(b"avif", b"mif1"), AVIF),
    (box(b"mif1", b"avif"), AVIF),
    (box(b"heic", b"mif1", b"heic"), HEIC),
    (box(b"mif1", b"heic"), HEIC),
    (box(b"isom", b"iso2", b"avc1"), MP4),
    (box(b"mp42"), MP4),
    (box(b"M4V "), MP4),
    (box(b"qt  ", b"qt  "), MOV),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", WEBM),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", MKV),
    (b"RIFF\x10\0\0\0WAVEfmt \x80", WAV),
    (b"ID3\x04\0\0\0\0\0\xff", MP3),
    (b"\xff\xfb\x90\x64", MP3),
    (b"\xff\xf1\x4c\x80", AAC),
    (b"fLaC\0\0\0\x22", FLAC),
    (b"OggS\0\x02", OGG),
    (box(b"M4A ", b"isom"), M4A),
]

REFUSED = [
    (b"", "empty"),
    (b"<!DOCTYPE html><html><body>502 Bad Gateway", "HTML"),
    (b"\xef\xbb\xbf \n<HTML lang=en>", "HTML"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "SVG"),
    (b"<svg onload=alert(1)>", "SVG"),
    (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
    (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
    (b'{"code": 422, "msg": "expired"}', "JSON"),
    ("Просто текст, ".encode() * 400, "TXT"),
    (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd", "M3U8"),
    (b"ffconcat version 1.0\nfile /etc/passwd", "ffconcat"),
    (b"PK\x03\x04\x14\0\0\0", "ZIP"),
    (b"MZ\x90\0\x03\0\0\0", "EXE"),
    (b"BM\x36\x10\0\0\0\0", "BMP"),
    (b"II*\0\x08\0\0\0", "TIFF"),
    (b"\0\0\x01\0\x01\0\x10\x10", "ICO"),
    (b"RIFF\x10\0\0\0AVI LIST\x80", "AVI"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84evil", "MP4"),
    (b"\0\xff\0\xff\0\xff", "MP4"),
]


@pytest.mark.parametrize(("head", "kind"), TAKEN)
def test_bytes_decide_what_a_file_is(head: bytes, kind: Kind) -> None:
    assert sniff(head) == kind


@pytest.mark.parametrize(("head", "named"), REFUSED, ids=[f"{i}-{named}" for i, (_, named) in enumerate(REFUSED)])
def test_everything_else_is_refused_by_its_name(head: bytes, named: str) -> None:
    with pytest.raises(BadMedia) as refused:
        sniff(head[:HEAD])
    assert named in str(refused.value)


@given(st.binary(max_size=200) | st.builds(lambda tail: box(b"isom")[:12] + tail, st.binary(max_size=60)))
def test_any_bytes_are_a_kind_or_a_sentence(head: bytes) -> None:
    try:
        sentence = sniff(head).mime + "."
    except BadMedia as refused:
        sentence = str(refused)
    assert sentence.endswith(".")
