"""What a file is, decided by its first bytes: a short list of what is taken, never the name and never a header.

Signatures: PNG, WebP, GIF and JPEG from their specifications; `ftyp` brands from ISO/IEC 14496-12 and mp4ra.org; EBML
document types from RFC 9559. SVG is text that runs scripts and is never taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from apom.errors import BadMedia
from apom.models import AssetType
from apom.words import N_

HEAD = 4096  # bytes that `sniff` wants to see


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a file is. `reader`: the one Pillow plugin or FFmpeg demuxer that may open it."""

    mime: str
    ext: str
    asset_type: AssetType
    reader: str


PNG = Kind(mime="image/png", ext="png", asset_type=AssetType.IMAGE, reader="PNG")
JPEG = Kind(mime="image/jpeg", ext="jpg", asset_type=AssetType.IMAGE, reader="JPEG")
WEBP = Kind(mime="image/webp", ext="webp", asset_type=AssetType.IMAGE, reader="WEBP")
GIF = Kind(mime="image/gif", ext="gif", asset_type=AssetType.IMAGE, reader="GIF")
AVIF = Kind(mime="image/avif", ext="avif", asset_type=AssetType.IMAGE, reader="AVIF")
HEIC = Kind(mime="image/heic", ext="heic", asset_type=AssetType.IMAGE, reader="HEIF")
MP4 = Kind(mime="video/mp4", ext="mp4", asset_type=AssetType.VIDEO, reader="mov")
MOV = Kind(mime="video/quicktime", ext="mov", asset_type=AssetType.VIDEO, reader="mov")
WEBM = Kind(mime="video/webm", ext="webm", asset_type=AssetType.VIDEO, reader="matroska")
MKV = Kind(mime="video/x-matroska", ext="mkv", asset_type=AssetType.VIDEO, reader="matroska")
MP3 = Kind(mime="audio/mpeg", ext="mp3", asset_type=AssetType.AUDIO, reader="mp3")
M4A = Kind(mime="audio/mp4", ext="m4a", asset_type=AssetType.AUDIO, reader="mov")
AAC = Kind(mime="audio/aac", ext="aac", asset_type=AssetType.AUDIO, reader="aac")
WAV = Kind(mime="audio/wav", ext="wav", asset_type=AssetType.AUDIO, reader="wav")
FLAC = Kind(mime="audio/flac", ext="flac", asset_type=AssetType.AUDIO, reader="flac")
OGG = Kind(mime="audio/ogg", ext="ogg", asset_type=AssetType.AUDIO, reader="ogg")
KINDS = (PNG, JPEG, WEBP, GIF, AVIF, HEIC, MP4, MOV, WEBM, MKV, MP3, M4A, AAC, WAV, FLAC, OGG)

MP4_BRANDS = (b"iso", b"mp4", b"avc1", b"hvc1", b"av01", b"M4V", b"MSNV", b"dash", b"cmf", b"3gp", b"3g2", b"XAVC")
LAYER_III = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")
ADTS = (b"\xff\xf1", b"\xff\xf9", b"\xff\xf0", b"\xff\xf8")
SOUND_BRANDS = frozenset([b"M4A ", b"M4B ", b"F4A "])
HEIF_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"])

# What else it may be: names of formats, which are the same in every language. Marks stand in text, signatures first.
SIGNATURES = (
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "GZIP"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\1\0", "ICO"),
    (b"8BPS", "PSD"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"FLV", "FLV"),
)
MARKS = (
    ("#extm3u", "M3U8"),
    ("ffconcat", "ffconcat"),
    ("%pdf-", "PDF"),
    ("%!ps", "PostScript"),
    ("<svg", "SVG"),
    ("<!doctype html", "HTML"),
    ("<html", "HTML"),
    ("<?xml", "XML"),
)

EMPTY = N_("The file is empty. Fetch or export it again.")
NO_MEDIA = N_(
    "This is not a picture or clip that can be shown: it looks like {what}. "
    "Use PNG, JPEG, WebP, GIF, AVIF, HEIC, MP4, MOV, WebM or MKV."
)
UNKNOWN = N_(
    "This is not a picture or clip that can be shown. Use PNG, JPEG, WebP, GIF, AVIF, HEIC, MP4, MOV, WebM or MKV, "
    "and export it again if it is one of these."
)


def sniff(head: bytes) -> Kind:
    """What a file that begins with `head` (its first `HEAD` bytes) is. Raises BadMedia, which names what it looks like.

    It is a claim until the file was decoded: a script can begin like a GIF.
    """
    kind = _boxed(head) if head[4:8] == b"ftyp" else _plain(head)
    if kind is None:
        raise _refusal(head)
    return kind


def _plain(head: bytes) -> Kind | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"\x1aE\xdf\xa3"):
        document = head[:64]
        return WEBM if b"webm" in document else MKV if b"matroska" in document else None
    return _sound(head)


def _sound(head: bytes) -> Kind | None:
    """Sync words of MPEG audio, layer III, and of ADTS from ISO/IEC 13818-3 and -7; the others have signatures."""
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return WAV
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(b"OggS"):
        return OGG
    if head.startswith((b"ID3", *LAYER_III)):
        return MP3
    return AAC if head.startswith(ADTS) else None


def _boxed(head: bytes) -> Kind | None:
    """ISO base media: the major brand, the others only to tell stills from clips."""
    major, others = head[8:12], _brands(head)
    if {b"avif", b"avis"} & {major, *others}:
        return AVIF
    if major in HEIF_BRANDS:
        return HEIC
    if major == b"qt  ":
        return MOV
    if major in SOUND_BRANDS:
        return M4A
    return MP4 if major.startswith(MP4_BRANDS) else None


def _brands(head: bytes) -> list[bytes]:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[at : at + 4] for at in range(16, end, 4)]


def _refusal(head: bytes) -> BadMedia:
    if not head:
        return BadMedia(EMPTY)
    what = _looks_like(head)
    return BadMedia(NO_MEDIA, what=what) if what else BadMedia(UNKNOWN)


def _looks_like(head: bytes) -> str | None:
    text = head.decode("utf-8-sig", "replace").strip()
    for mark, name in MARKS:
        if mark in text.lower():
            return name
    if _is_readable(text):
        return "JSON" if text[0] in "{[" else "TXT"
    if head.startswith(b"RIFF"):
        return head[8:12].decode("ascii", "replace").strip()
    return next((name for signature, name in SIGNATURES if head.startswith(signature)), None)


def _is_readable(text: str) -> bool:
    """Whether it is text, all but a last character that `HEAD` may have cut."""
    return bool(text) and all(c.isspace() or (c.isprintable() and c != "\ufffd") for c in text[:-1])
