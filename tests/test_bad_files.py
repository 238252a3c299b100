"""Forty files that are not what they seem: what each gets to hear. None is stored, in whole or in part."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Cast
from media_samples import clip, corner, png
from media_samples import sound as song

from apom.errors import BadMedia, TooLarge
from apom.models import Box

SCRIPT = b"*/=1;alert(document.domain)/*<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def saved(reader: str, size: tuple[int, int] = (640, 360), **options: object) -> bytes:
    file = io.BytesIO()
    corner(size).save(file, reader, **options)  # type: ignore[arg-type]
    return file.getvalue()


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def noise(size: tuple[int, int] = (320, 180)) -> bytes:
    """A JPEG with something in every part."""
    from PIL import Image

    file = io.BytesIO()
    Image.frombytes("RGB", size, random.Random(7).randbytes(size[0] * size[1] * 3)).save(file, "JPEG", quality=90)
    return file.getvalue()


def animation(frames: int, size: tuple[int, int]) -> bytes:
    """A GIF whose frames are all the same picture."""
    one = saved("GIF", size)
    start = one.index(b"\x2c")
    return one[:start] + one[start:-1] * frames + b";"


def of_clip(folder: Path, name: str = "x.mp4", **options: object) -> bytes:
    return clip(folder / name, seconds=0.5, **options).read_bytes()  # type: ignore[arg-type]


def sound(folder: Path) -> bytes:
    import av
    from media_samples import silence

    with av.open(str(folder / "x.m4v"), "w", format="mp4") as container:
        silence(container, container.add_stream("aac", rate=48000), 0.5)
    return (folder / "x.m4v").read_bytes()


def of_song(folder: Path, name: str, codec: str = "", seconds: float = 2) -> bytes:
    return song(folder / name, codec, seconds=seconds).read_bytes()


def patched(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.png", b"x" * 100)
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of one pixel with sixty megabytes of words."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9))
    whole = png(1, 1)
    return whole[:33] + text + whole[33:]


TAKEN = "Use PNG, JPEG, WebP, GIF, AVIF, HEIC, MP4, MOV, WebM or MKV"
EMPTY = "The file is empty. Fetch or export it again."
UNKNOWN = f"This is not a picture or clip that can be shown. {TAKEN}, and export it again if it is one of these."
PICTURE = "The picture is damaged or incomplete. Export or download it again."
PIXELS = "The picture has more than 60 million pixels. Make it smaller."
ANIMATION = "The animation has 3000 frames of 1000 × 1000, which is too much. Send it as a clip."
CLIP = "The clip is damaged or incomplete. Export or download it again."
SOUND = "This is sound without a moving picture. Send a clip; sound is taken as MP3, M4A, WAV, FLAC or Ogg."
NO_SHOT = (
    "This is sound, and a shot takes pictures and clips. Make it the soundtrack in the project's settings, or add it to a "
    "reference."
)
HEARD = "The sound is damaged or incomplete. Export or download it again."
CODEC = "The clip is coded as ffv1, which is not taken. Export it as H.264."


def looks(like: str) -> str:
    return f"This is not a picture or clip that can be shown: it looks like {like}. {TAKEN}."


BAD: list[tuple[str, str, Callable[[Path], bytes]]] = [
    ("empty.png", EMPTY, lambda _: b""),
    ("page.png", looks("HTML"), lambda _: b"<!DOCTYPE html><script>alert(1)</script>"),
    ("drawing.svg", looks("SVG"), lambda _: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    ("drawing.png", looks("SVG"), lambda _: b'<?xml version="1.0"?><!DOCTYPE svg><svg><script>alert(1)</script></svg>'),
    ("answer.mp4", looks("XML"), lambda _: b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"),
    ("answer.png", looks("JSON"), lambda _: b'{"code": 500, "msg": "internal"}'),
    ("notes.jpg", looks("TXT"), lambda _: b"a harbour at dawn"),
    ("paper.png", looks("PDF"), lambda _: b"%PDF-1.7\n"),
    ("print.png", looks("PostScript"), lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ("program.jpg", looks("EXE"), lambda _: b"MZ\x90\0" + bytes(200)),
    ("program.png", looks("ELF"), lambda _: b"\x7fELF\x02\x01\x01" + bytes(200)),
    ("archive.png", looks("ZIP"), lambda _: zipped()),
    ("packed.png", looks("GZIP"), lambda _: gzip.compress(b"x" * 100)),
    ("bitmap.png", looks("BMP"), lambda _: saved("BMP")),
    ("scan.png", looks("TIFF"), lambda _: saved("TIFF")),
    ("icon.png", looks("ICO"), lambda _: saved("ICO", (32, 32))),
    ("song.mp4", NO_SHOT, lambda _: b"ID3\x04\0\0" + bytes(200)),
    ("noise.png", UNKNOWN, lambda _: bytes(range(256)) * 20),
    ("list.mp4", looks("M3U8"), lambda _: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    ("concat.mp4", looks("ffconcat"), lambda _: b"ffconcat version 1.0\nfile /etc/passwd\n"),
    ("header.png", PICTURE, lambda _: png(10, 10)[:33]),
    ("narrow.png", PICTURE, lambda _: png(0, 10)),
    ("cut.png", PICTURE, lambda _: half(saved("PNG"))),
    ("cut.jpg", PICTURE, lambda _: half(noise())),
    ("cut.webp", PICTURE, lambda _: half(saved("WEBP"))),
    ("cut.gif", PICTURE, lambda _: half(saved("GIF"))),
    ("cut.avif", PICTURE, lambda _: half(saved("AVIF"))),
    ("cut.heic", PICTURE, lambda _: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)),
    (
        "flipped.png",
        PICTURE,
        lambda _: (whole := saved("PNG"))[:60] + bytes(b ^ 0x55 for b in whole[60:260]) + whole[260:],
    ),
    ("bomb10k.png", PIXELS, lambda _: png(10_000, 10_000)),
    ("bomb60k.png", PIXELS, lambda _: png(60_000, 60_000, b"a lie")),
    ("words.png", PICTURE, lambda _: bomb()),
    ("long.gif", ANIMATION, lambda _: animation(3000, (1000, 1000))),
    ("script.gif", PICTURE, lambda _: b"GIF89a/" + SCRIPT),
    ("noindex.mp4", CLIP, lambda folder: of_clip(folder).partition(b"moov")[0]),
    ("cut.mp4", CLIP, lambda folder: half(of_clip(folder, flags="+faststart"))),
    ("cut.webm", CLIP, lambda folder: half(of_clip(folder, "x.webm", codec="libvpx-vp9"))),
    ("picture.mp4", CLIP, lambda _: b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + saved("PNG")),
    ("sound.mp4", SOUND, sound),
    ("old.mkv", CODEC, lambda folder: of_clip(folder, "x.mkv", codec="ffv1")),
]


def test_every_bad_file_gets_its_sentence_and_none_is_stored(cast: Cast, tmp_path: Path) -> None:
    shot = cast.alice.create_box(cast.alice.create_project("P"), "one")
    said = {}
    for name, _, make in BAD:
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        path = folder / f"it {name}"
        path.write_bytes(make(folder))
        with pytest.raises((BadMedia, TooLarge)) as refused:
            cast.alice.upload(shot, path)
        said[name] = str(refused.value)
    assert said == {name: sentence for name, sentence, _ in BAD}
    assert len(said) == 40
    assert_nothing_of_it(cast, shot)


BAD_SOUNDS: list[tuple[str, str, Callable[[Path], bytes]]] = [
    ("empty.mp3", EMPTY, lambda _: b""),
    ("list.mp3", looks("M3U8"), lambda _: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    ("words.mp3", HEARD, lambda _: b"ID3\x04\0\0\0\0\0\0" + bytes(5000)),
    ("only words.mp3", HEARD, lambda _: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"TIT2" * 2000),
    ("sync.mp3", HEARD, lambda _: b"\xff\xfb\x90\x64" + b"\x5a" * 20_000),
    ("script.mp3", HEARD, lambda _: b"\xff\xfb" + SCRIPT * 100),
    ("cut.m4a", HEARD, lambda folder: half(of_song(folder, "x.m4a"))),
    ("cut.flac", HEARD, lambda folder: half(of_song(folder, "x.flac"))),
    ("nothing.wav", HEARD, lambda folder: of_song(folder, "x.wav")[:60].partition(b"data")[0]),
    ("header.flac", HEARD, lambda folder: of_song(folder, "x.flac")[:80]),
    ("header.ogg", HEARD, lambda folder: of_song(folder, "x.ogg")[:90]),
    ("spoilt.flac", HEARD, lambda folder: spoilt(of_song(folder, "x.flac"))),
    ("rare.wav", "The sound is coded as adpcm_ms, which is not taken. Export it as MP3, AAC or WAV.",
        lambda folder: of_song(folder, "x.wav", "adpcm_ms")),
    ("lossless.m4a", "The sound is coded as alac, which is not taken. Export it as MP3, AAC or WAV.",
        lambda folder: of_song(folder, "x.m4a", "alac")),
    ("film.m4a", "There is a moving picture in this sound. Export the sound alone.",
        lambda folder: patched(of_clip(folder, sound=True), b"ftypisom", b"ftypM4A ")),
]  # fmt: skip


def spoilt(content: bytes) -> bytes:
    return content[:200] + bytes(b ^ 0x55 for b in content[200:])


def test_bad_sound_gets_its_sentence_too(cast: Cast, tmp_path: Path) -> None:
    box = cast.alice.sound_box(cast.alice.create_project("P"))
    said = {}
    for name, _, make in BAD_SOUNDS:
        path = tmp_path / f"it {name}"
        path.write_bytes(make(tmp_path))
        with pytest.raises((BadMedia, TooLarge)) as refused:
            cast.alice.upload(box, path)
        said[name] = str(refused.value)
    assert said == {name: sentence for name, sentence, _ in BAD_SOUNDS}
    assert_nothing_of_it(cast, box)


def assert_nothing_of_it(cast: Cast, box: Box) -> None:
    assert cast.alice.get_box_assets(box).items == ()
    data = cast.studio.settings.data_dir
    assert [path for name in ("media", "arriving") for path in (data / name).rglob("*") if path.is_file()] == []
