"""How a take was made, written into a copy of its file beside the picture: no pixel and no sample is touched.

PNG: `parameters`, as A1111 writes and most programs read it, `apom` and XMP as texts; JPEG, WebP, MP4 and MOV: XMP (ISO
16684-1 and -3), which says with IPTC's word that a model made it, MP4 and MOV the tags that players show, too; WebM and MKV:
tags, for which they are muxed anew. GIF, AVIF and HEIC are left as they are. What a file said already it goes on saying.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID
from xml.sax.saxutils import escape

import av

from apom.errors import BadMedia
from apom.media.blank import EXIF, PNG_HEAD
from apom.media.boxes import boxes
from apom.media.patches import Patch, Patched
from apom.media.sniff import HEAD, JPEG, MKV, MOV, MP4, PNG, WEBM, WEBP, Kind, sniff
from apom.media.video import DAMAGED
from apom.models import Json

BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_MOST = 65_533 - len(JPEG_XMP)  # of a segment
SHORT = 4000  # characters of a prompt that fit into one, whatever they are
MP4_XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
HAS_XMP, HAS_ALPHA = 0x04, 0x10
NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:apom="urn:apom:1">
{parts}
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What is written. `take`: its id; `shot`: the code of its shot; `params`: how it was ordered, by the model's names;
    `is_generated`: a model made it.
    """

    take: UUID
    shot: str
    made_at: datetime
    is_generated: bool
    prompt: str = ""
    model: str = ""
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    params: Json


def labelled(path: Path, label: Label, folder: Path) -> Patched:
    """The file with its label; a WebM or MKV is written into `folder` for it. Raises BadMedia, OSError."""
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    if kind in (WEBM, MKV):
        return Patched(_muxed(path, folder / f"labelled.{kind.ext}", kind, label))
    return Patched(path, tuple(_patches(path, kind, label)))


def _patches(path: Path, kind: Kind, label: Label) -> Iterator[Patch]:
    if kind in (MP4, MOV):
        return _in_boxes(path, label)
    data = path.read_bytes() if kind in (PNG, JPEG, WEBP) else b""
    try:
        return iter(tuple({PNG: _in_png, JPEG: _in_jpeg, WEBP: _in_webp}[kind](data, label)) if data else ())
    except (struct.error, IndexError) as error:
        raise BadMedia("The picture is damaged or incomplete. Export or download it again.") from error


def recipe(label: Label) -> str:
    """What apom reads again (`apom.media.recipes`)."""
    said = {
        "prompt": label.prompt,
        "model": label.model,
        "seed": label.seed,
        "params": label.params,
        "take": str(label.take),
        "shot": label.shot,
        "made_at": label.made_at.isoformat(timespec="seconds"),
    }
    return json.dumps({name: value for name, value in said.items() if value not in ("", None, {})}, ensure_ascii=False)


def parameters(label: Label) -> str:
    """As A1111 writes them: the prompt, what should not be seen, and a line of settings."""
    known = {str(name).lower(): value for name, value in label.params.items() if isinstance(value, str | int | float)}
    settings = {
        "Steps": known.get("steps") or known.get("num_inference_steps"),
        "Sampler": known.get("sampler") or known.get("sampler_name"),
        "CFG scale": known.get("cfg") or known.get("guidance_scale"),
        "Seed": label.seed,
        "Size": f"{label.width}x{label.height}" if label.width else None,
        "Model": label.model,
    }
    line = ", ".join(f"{name}: {_quoted(str(value))}" for name, value in settings.items() if value not in (None, ""))
    negative = known.get("negative_prompt")
    return "\n".join([label.prompt, *([f"Negative prompt: {negative}"] if negative else []), line])


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if set(',:"\n') & set(value) else value


def packet(label: Label, most: int | None = None) -> bytes:
    """The XMP; of what does not fit into so many bytes the settings go first, then the end of the prompt."""
    for each in (label, replace(label, params={}), replace(label, params={}, prompt=label.prompt[:SHORT])):
        found = _packet(each).encode()
        if most is None or len(found) <= most:
            return found
    return b""


def _packet(label: Label) -> str:
    described = f'<rdf:Alt><rdf:li xml:lang="x-default">{_text(label.prompt)}</rdf:li></rdf:Alt>'
    made = {
        "dc:description": described if label.prompt else "",
        "xmp:CreatorTool": _text(" · ".join(filter(None, ["apom", label.model]))),
        "xmp:CreateDate": label.made_at.isoformat(timespec="seconds"),
        "Iptc4xmpExt:DigitalSourceType": BY_A_MODEL if label.is_generated else "",
        "Iptc4xmpExt:AISystemUsed": _text(label.model) if label.is_generated else "",
        "Iptc4xmpExt:AIPromptInformation": _text(label.prompt) if label.is_generated else "",
        "apom:recipe": _text(recipe(label)),
    }
    return PACKET.format(parts="\n".join(f"<{name}>{value}</{name}>" for name, value in made.items() if value))


def _text(said: str) -> str:
    return escape(NO_XML.sub("\ufffd", said))


def _at(place: int, data: bytes) -> Patch:
    return Patch(start=place, end=place, data=data)


def _in_png(data: bytes, label: Label) -> Iterator[Patch]:
    """Behind the header, before anything of the same name: readers let the last one count."""
    texts = {"parameters": parameters(label), "apom": recipe(label), "XML:com.adobe.xmp": packet(label).decode()}
    said = b"".join(_chunk(b"iTXt", name.encode() + bytes(5) + text.encode()) for name, text in texts.items())
    yield _at(PNG_HEAD + 25, said)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _in_jpeg(data: bytes, label: Label) -> Iterator[Patch]:
    """Behind JFIF and EXIF, which have to come first."""
    at = 2
    while data[at : at + 2] == b"\xff\xe0" or (data[at : at + 2] == b"\xff\xe1" and data[at + 4 :].startswith(EXIF)):
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    said = JPEG_XMP + packet(label, JPEG_MOST)
    yield _at(at, b"\xff\xe1" + struct.pack(">H", 2 + len(said)) + said)


def _in_webp(data: bytes, label: Label) -> Iterator[Patch]:
    """At the end, and said in the extended header, which simple files get first (RFC 9649, 2.7). One is all it may have."""
    end = min(8 + struct.unpack_from("<I", data, 4)[0], len(data))
    if b"XMP " in _riff(data, end):
        return
    said = packet(label)
    chunk = b"XMP " + struct.pack("<I", len(said)) + said + bytes(len(said) % 2)
    head = b""
    if data[12:16] == b"VP8X":
        yield Patch(start=20, end=21, data=bytes([data[20] | HAS_XMP]))
    else:
        has_alpha = data[12:16] == b"VP8L" and data[24] & 0x10
        size = struct.pack("<I", (label.width or 1) - 1)[:3] + struct.pack("<I", (label.height or 1) - 1)[:3]
        head = b"VP8X" + struct.pack("<IB3x", 10, HAS_XMP | (HAS_ALPHA if has_alpha else 0)) + size
        yield _at(12, head)
    yield Patch(start=4, end=8, data=struct.pack("<I", end - 8 + len(head) + len(chunk)))
    yield _at(end, chunk)


def _riff(data: bytes, end: int) -> Iterator[bytes]:
    at = 12
    while at + 8 <= end:
        yield data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + length % 2


def _in_boxes(path: Path, label: Label) -> Iterator[Patch]:
    """At the end of the file, so that no offset in it changes: XMP where ISO 16684-3 wants it, tags as iTunes has them."""
    size = path.stat().st_size
    with path.open("rb") as file:
        last = list(boxes(file, 0, size))[-1]
        file.seek(last.start)
        is_open = file.read(4) == bytes(4)
    if is_open:  # it reaches to the end of the file, which will be further on
        if last.end - last.start >= 1 << 32:
            raise BadMedia(DAMAGED)
        yield Patch(start=last.start, end=last.start + 4, data=struct.pack(">I", last.end - last.start))
    place = last.start if last.kind == b"mfra" else size  # which is looked for at the end
    yield _at(place, _box(b"uuid", MP4_XMP.bytes + packet(label)) + _tags(label))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _tags(label: Label) -> bytes:
    """A `meta` of the file's own (14496-12, 8.11.1) with a list of iTunes'."""
    handler = _box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    made = {b"\xa9cmt": label.prompt, b"\xa9too": f"apom {label.model}".strip(), b"desc": recipe(label)}
    items = b"".join(
        _box(name, _box(b"data", struct.pack(">II", 1, 0) + said.encode())) for name, said in made.items() if said
    )
    return _box(b"meta", bytes(4) + handler + _box(b"ilst", items))


def _muxed(path: Path, target: Path, kind: Kind, label: Label) -> Path:
    """Packet by packet into a container of the same kind. Raises BadMedia, OSError."""
    form = "webm" if kind is WEBM else "matroska"
    try:
        with (
            av.open(f"file:{path}", "r", format=kind.reader, options={"protocol_whitelist": "file"}) as source,
            av.open(f"file:{target}", "w", format=form) as made,
        ):
            made.metadata.update(source.metadata)
            made.metadata.update({"comment": label.prompt, "encoder": f"apom {label.model}", "apom": recipe(label)})
            streams = {
                each.index: made.add_stream_from_template(each)
                for each in source.streams
                if each.type in "video audio subtitle"
            }
            for packet in source.demux():
                if packet.size and packet.stream.index in streams:
                    packet.stream = streams[packet.stream.index]
                    made.mux(packet)
    except av.FFmpegError as error:
        raise BadMedia(DAMAGED) from error
    return target
