"""The cut in the formats that editing programs import: OpenTimelineIO, Final Cut Pro 7 XML, CMX 3600.

The two latter are written here and not by OpenTimelineIO's adapters: those link no sound to its picture, know no size of a
sequence, start every EDL at nought, and put prompts nowhere. Its readers read them (`tests/test_export_timelines.py`).
Addresses are relative and without `./`, so that a folder may lie anywhere.
Sources: FCP7 XML Interchange Format (Apple developer archive), "SMPTE 258M" as CMX 3600 is mostly written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.etree import ElementTree

from apom.export.cut import HOUR, Cut, Event, Media, Note, line
from apom.export.sheet import clean

if TYPE_CHECKING:
    import opentimelineio as otio

TITLE_CHARS = 70
CLIPS = "A2"


def url(media: Media) -> str:
    """Where a file lies, seen from the timelines."""
    return quote(media.file)


# OpenTimelineIO


def otio_json(cut: Cut) -> str:
    """The cut as a timeline: V1, A1 with the soundtrack, A2 with the clips' own sound."""
    import opentimelineio as otio

    timeline = otio.schema.Timeline(line(cut.title))
    timeline.global_start_time = _time(HOUR * cut.nominal, cut.rate)
    picture, sound, own = (
        otio.schema.Track(name, kind=kind)
        for name, kind in (("V1", otio.schema.TrackKind.Video), ("A1", "Audio"), ("A2", "Audio"))
    )
    for event in cut.events:
        picture.append(_clip(cut, event, event.media, with_notes=True) if event.media else _gap(cut, event))
        has_sound = event.media is not None and event.media.has_sound
        own.append(_clip(cut, event, event.media) if event.media and has_sound else _gap(cut, event))
    timeline.tracks.append(picture)
    if cut.sound is not None and cut.events:
        under = Event(code="", name=cut.sound.name, start=0, frames=min(cut.frames, cut.sound.frames))
        sound.append(_clip(cut, under, cut.sound))
    timeline.tracks.extend([sound, own])
    written: str = timeline.to_json_string(indent=2)
    return written


def alternates_json(cut: Cut) -> str:
    """The other takes, as a collection of clips."""
    import opentimelineio as otio

    clips = []
    for other in cut.alternates:
        event = Event(code=other.code, name=other.media.name, start=0, frames=other.media.frames)
        clips.append(_clip(cut, event, other.media))
    bin: str = otio.schema.SerializableCollection("Alternates", children=clips).to_json_string(indent=2)
    return bin


def _time(frames: int, rate: Fraction) -> otio.opentime.RationalTime:
    import opentimelineio as otio

    return otio.opentime.RationalTime(frames, float(rate))


def _range(start: int, frames: int, rate: Fraction) -> otio.opentime.TimeRange:
    import opentimelineio as otio

    return otio.opentime.TimeRange(_time(start, rate), _time(frames, rate))


def _gap(cut: Cut, event: Event) -> otio.schema.Gap:
    import opentimelineio as otio

    return otio.schema.Gap(name=event.title, source_range=_range(0, event.frames, cut.rate))


def _clip(cut: Cut, event: Event, media: Media, *, with_notes: bool = False) -> otio.schema.Clip:
    import opentimelineio as otio

    begins = cut.begins(media)
    reference = otio.schema.ExternalReference(url(media), _range(begins, media.frames, cut.rate))
    reference.name = media.name
    facts: dict[str, Any] = {"shot": event.title, "code": clean(event.code), **_facts(media)}
    clip = otio.schema.Clip(
        name=media.name,
        media_reference=reference,
        source_range=_range(begins + event.source_in, event.frames, cut.rate),
        metadata={"apom": facts, **({"cmx_3600": {"reel": media.reel}} if media.reel else {})},
    )
    for note in event.notes if with_notes else ():
        marker = otio.schema.Marker(name=str(note), marked_range=_range(begins + note.at, note.frames, cut.rate))
        marker.color = _colour(note)
        marker.metadata["apom"] = {"author": clean(note.author), "text": clean(note.text)}
        clip.markers.append(marker)
    return clip


def _colour(note: Note) -> str:
    """What is done is green."""
    return "GREEN" if note.is_done else "RED"


def _facts(media: Media) -> dict[str, Any]:
    return {
        name: clean(value) if isinstance(value, str) else str(value) if isinstance(value, int) else value
        for name, value in media.facts.items()
        if value not in (None, "")
    }


# CMX 3600


def edl(cut: Cut) -> str:
    """The cut as an edit decision list: V, A with the soundtrack, A2 with the clips' own sound."""
    lines = [f"TITLE: {line(cut.title)[:TITLE_CHARS]}", "FCM: NON-DROP FRAME", ""]
    for number, (track, event, media) in enumerate(_decisions(cut), start=1):
        source, record = cut.begins(media) + event.source_in, HOUR * cut.nominal + event.start
        times = [source, source + event.frames, record, record + event.frames]
        stamps = " ".join(cut.timecode(at) for at in times)
        lines.append(f"{number:03}  {media.reel or 'AX':8} {track:5} C        {stamps}")
        lines.append(f"* FROM CLIP NAME:  {media.name}")
        if track == "V":
            lines.append(f"* COMMENT: {event.title}")
            inside = [note for note in event.notes if 0 <= note.at - event.source_in < event.frames]
            for note in inside:
                lines.append(f"* LOC: {cut.timecode(record + note.at - event.source_in)} {_colour(note):7} {note}")
    return "\n".join(lines) + "\n"


def _decisions(cut: Cut) -> Iterator[tuple[str, Event, Media]]:
    if cut.sound is not None and cut.events:
        under = Event(code="", name="", start=0, frames=min(cut.frames, cut.sound.frames))
        yield "A", under, cut.sound
    for event in cut.events:
        if event.media is not None:
            yield "V", event, event.media
            if event.media.has_sound:
                yield CLIPS, event, event.media


# Final Cut Pro 7 XML


def fcp7(cut: Cut) -> bytes:
    """The cut as a project with a sequence and a bin of the other takes."""
    return _Xml(cut).written()


class _Xml:
    """One document. A file is described where it is first used and named afterwards."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._files: dict[str, str] = {}
        self._items = 0

    def written(self) -> bytes:
        """All of it."""
        cut = self._cut
        root = ElementTree.Element("xmeml", version="5")
        project = _add(root, "project")
        _add(project, "name", line(cut.title))
        children = _add(project, "children")
        self._sequence(children)
        if cut.alternates:
            bin = _add(children, "bin")
            _add(bin, "name", "Alternates")
            inside = _add(bin, "children")
            for other in cut.alternates:
                self._master(inside, other.code, other.media)
        ElementTree.indent(root)
        body: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=False)
        return b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n' + body + b"\n"

    def _sequence(self, parent: Any) -> None:
        cut = self._cut
        sequence = _add(parent, "sequence", id="sequence-1")
        _add(sequence, "name", line(cut.title))
        _add(sequence, "duration", cut.frames)
        self._rate(sequence)
        self._timecode(sequence, HOUR * cut.nominal)
        media = _add(sequence, "media")
        video = _add(media, "video")
        self._picture(_add(video, "format"), cut.width, cut.height)
        audio = _add(media, "audio")
        _add(audio, "numOutputChannels", 2)
        self._sound(_add(audio, "format"))
        self._cuts(video, audio)

    def _cuts(self, video: Any, audio: Any) -> None:
        """V1; A1 and A2 in stereo, which is two tracks each. A clip is linked to its sound."""
        cut = self._cut
        picture = _add(video, "track")
        first, own = _stereo(audio), _stereo(audio)
        if cut.sound is not None and cut.events:
            under = Event(code="", name="", start=0, frames=min(cut.frames, cut.sound.frames))
            self._put([], first, under, cut.sound, 1)
        heard = 0
        for place, event in enumerate((event for event in cut.events if event.media is not None), start=1):
            assert event.media is not None, "looked at before"
            heard += event.media.has_sound
            self._put([picture], own if event.media.has_sound else [], event, event.media, heard, place)
        _add(picture, "enabled", "TRUE")
        _add(picture, "locked", "FALSE")

    def _put(
        self, seen: Sequence[Any], heard: Sequence[Any], event: Event, media: Media, clip: int, place: int = 0
    ) -> None:
        """A file into its tracks, as one thing that moves together."""
        items = [self._item(track, event, media) for track in seen]
        for channel, track in enumerate(heard, start=1):
            item = self._item(track, event, media)
            items.append(item)
            source = _add(item, "sourcetrack")
            _add(source, "mediatype", "audio")
            _add(source, "trackindex", channel)
        if len(items) > 1:
            above = 1 if media.kind == "sound" else 3
            tracks = [("video", 1, place)] * len(seen) + [("audio", above + n, clip) for n in range(len(heard))]
            for item in items:
                for other, (kind, track, index) in zip(items, tracks, strict=True):
                    link = _add(item, "link")
                    _add(link, "linkclipref", other.get("id"))
                    _add(link, "mediatype", kind)
                    _add(link, "trackindex", track)
                    _add(link, "clipindex", index)
        if seen:
            for note in event.notes:
                marker = _add(items[0], "marker")
                _add(marker, "name", line(note.author))
                _add(marker, "comment", clean(note.text))
                _add(marker, "in", note.at)
                _add(marker, "out", note.at + note.frames if note.frames > 1 else -1)

    def _item(self, track: Any, event: Event, media: Media) -> Any:
        self._items += 1
        item = _add(track, "clipitem", id=f"clipitem-{self._items}")
        _add(item, "name", media.name)
        _add(item, "enabled", "TRUE")
        _add(item, "duration", media.frames)
        self._rate(item)
        _add(item, "start", event.start)
        _add(item, "end", event.start + event.frames)
        _add(item, "in", event.source_in)
        _add(item, "out", event.source_in + event.frames)
        if media.kind == "still":
            _add(item, "stillframe", "TRUE")
        self._file(item, media)
        self._told(item, event.title, media)
        return item

    def _told(self, item: Any, shot: str, media: Media) -> None:
        facts = _facts(media)
        log = _add(item, "logginginfo")
        _add(log, "description", line(str(facts.get("prompt", ""))))
        _add(log, "scene", shot)
        _add(log, "shottake", facts.get("take", ""))
        _add(log, "lognote", line(" ".join(str(facts[name]) for name in ("model", "seed") if name in facts)))
        comments = _add(item, "comments")
        _add(comments, "mastercomment1", line("; ".join(f"{k}: {v}" for k, v in facts.items() if k != "prompt")))

    def _master(self, parent: Any, code: str, media: Media) -> None:
        """A clip in a bin."""
        self._items += 1
        clip = _add(parent, "clip", id=f"masterclip-{self._items}")
        _add(clip, "masterclipid", f"masterclip-{self._items}")
        _add(clip, "ismasterclip", "TRUE")
        _add(clip, "name", media.name)
        _add(clip, "duration", media.frames)
        self._rate(clip)
        tracks = _add(clip, "media")
        event = Event(code=code, name="", start=0, frames=media.frames)
        self._put([_add(_add(tracks, "video"), "track")], [], event, media, 0)
        if media.has_sound:
            audio = _add(tracks, "audio")
            self._put([], [_add(audio, "track"), _add(audio, "track")], event, media, 1)
        self._told(clip, line(code), media)

    def _file(self, parent: Any, media: Media) -> None:
        known = self._files.get(media.file)
        if known is not None:
            _add(parent, "file", id=known)
            return
        self._files[media.file] = f"file-{len(self._files) + 1}"
        file = _add(parent, "file", id=self._files[media.file])
        _add(file, "name", media.name)
        _add(file, "pathurl", url(media))
        self._rate(file)
        _add(file, "duration", media.frames)
        self._timecode(file, self._cut.begins(media), media.reel)
        tracks = _add(file, "media")
        if media.kind != "sound":
            self._picture(_add(tracks, "video"), media.width, media.height)
        if media.has_sound or media.kind == "sound":
            audio = _add(tracks, "audio")
            self._sound(audio)
            _add(audio, "channelcount", 2)

    def _picture(self, parent: Any, width: int, height: int) -> None:
        said = _add(parent, "samplecharacteristics")
        self._rate(said)
        _add(said, "width", width)
        _add(said, "height", height)
        _add(said, "anamorphic", "FALSE")
        _add(said, "pixelaspectratio", "square")
        _add(said, "fielddominance", "none")

    @staticmethod
    def _sound(parent: Any) -> None:
        said = _add(parent, "samplecharacteristics")
        _add(said, "depth", 16)
        _add(said, "samplerate", 48_000)

    def _rate(self, parent: Any) -> None:
        rate = _add(parent, "rate")
        _add(rate, "timebase", self._cut.nominal)
        _add(rate, "ntsc", "FALSE" if self._cut.rate.denominator == 1 else "TRUE")

    def _timecode(self, parent: Any, frames: int, reel: str = "") -> None:
        said = _add(parent, "timecode")
        self._rate(said)
        _add(said, "string", self._cut.timecode(frames))
        _add(said, "frame", frames)
        _add(said, "displayformat", "NDF")
        if reel:
            _add(_add(said, "reel"), "name", reel)


def _stereo(audio: Any) -> list[Any]:
    """The two tracks of a stereo one, left and right."""
    tracks = []
    for channel in range(2):
        track = _add(audio, "track", currentExplodedTrackIndex=str(channel), totalExplodedTrackCount="2")
        track.set("premiereTrackType", "Stereo")
        _add(track, "outputchannelindex", channel + 1)
        tracks.append(track)
    return tracks


def _add(parent: Any, tag: str, text: object = None, **attributes: str) -> Any:
    element = ElementTree.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = clean(str(text))
    return element
