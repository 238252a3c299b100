"""The cut, read back by OpenTimelineIO: every format says the same cuts, to the frame."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from xml.etree import ElementTree

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apom.export import timelines
from apom.export.cut import NTSC, Alternate, Cut, Event, Media, Note, edit_rate, is_kept, line, moved, timecode, trim

RATES = [24 * NTSC, 30 * NTSC, 48 * NTSC, 60 * NTSC, *map(Fraction, (24, 25, 30, 48, 50, 60))]
anything = st.text(alphabet=st.characters(exclude_categories=[]), max_size=60)


def clip(n: int, frames: int = 120, **more: Any) -> Media:
    facts = {"prompt": "a boat", "model": "m", "seed": 2**63, "take": 3}
    known = {"width": 1920, "height": 1080, "has_sound": True, "facts": facts, "reel": f"{n:08x}"}
    return Media(file=f"media/{n:03}_{n:08x}.mov", frames=frames, **{**known, **more})


def a_cut(rate: Fraction, **more: Any) -> Cut:
    """A clip with trims, a gap, a still, a clip without sound."""
    still = Media(file="media/030_00000003.png", frames=72, kind="still", width=640, height=480, reel="00000003")
    notes = (Note(at=15, author="Anna", text="slower\nhere", frames=4), Note(at=119, author="Ben", text="cut away"))
    events = (
        Event(code="010", name="Harbour", start=0, frames=48, source_in=10, media=clip(1), notes=notes),
        Event(code="020", name="Storm", start=48, frames=24),
        Event(code="030", name="Dawn", start=72, frames=72, media=still),
        Event(code="040", name="End", start=144, frames=120, media=clip(4, has_sound=False)),
    )
    sound = Media(file="media/soundtrack_0000000a.wav", frames=5000, kind="sound", reel="0000000a")
    other = (Alternate(code="010", media=clip(9)),)
    return Cut(
        **{
            **dict(title="Film", rate=rate, width=1920, height=1080, events=events, sound=sound, alternates=other),
            **more,
        }
    )


def cuts(timeline: otio.schema.Timeline, rate: Fraction) -> dict[str, list[tuple[str, int, int, int, int]]]:
    """(file name, record in, record out, source in, source out) of each track, in frames from the start of the cut."""
    found = {}
    for n, track in enumerate(timeline.tracks):
        rows = []
        for item in track.find_clips():
            at, source = item.range_in_parent(), item.source_range
            times = (at.start_time, at.end_time_exclusive(), source.start_time, source.end_time_exclusive())
            assert all(abs(time.rate - float(rate)) < 1e-6 and time.value == round(time.value) for time in times)
            rows.append((item.name, *(round(time.value) for time in times)))
        found[f"{track.kind[0]}{n}"] = rows
    return found


@pytest.mark.parametrize("rate", RATES)
def test_every_format_says_the_same_cuts(rate: Fraction) -> None:
    cut = a_cut(rate)
    hour = 3600 * round(rate)
    first = ("001_00000001.mov", 0, 48, hour + 10, hour + 58)
    still = ("030_00000003.png", 72, 144, 0, 72)
    last = ("004_00000004.mov", 144, 264, hour, hour + 120)
    sound = ("soundtrack_0000000a.wav", 0, 264, 0, 264)
    expected = [[first, still, last], [sound], [first]]

    otio_cut = otio.adapters.read_from_string(timelines.otio_json(cut), "otio_json")
    assert list(cuts(otio_cut, rate).values()) == expected
    assert otio_cut.global_start_time.value == hour

    xml_cut = otio.adapters.read_from_string(timelines.fcp7(cut).decode(), "fcp_xml")
    assert list(cuts(xml_cut, rate).values()) == expected
    assert xml_cut.global_start_time.value == hour

    edl_cut = otio.adapters.read_from_string(timelines.edl(cut), "cmx_3600", rate=float(rate))
    tracks = {track.name: track for track in edl_cut.tracks}
    read = [edl_rows(tracks[name], rate) for name in ("V", "A1", "A2")]
    assert read == [
        [(name, hour + start, hour + end, *source) for name, start, end, *source in rows] for rows in expected
    ]


def edl_rows(track: otio.schema.Track, rate: Fraction) -> list[tuple[str, int, int, int, int]]:
    """As EDLs say it: the record begins at the timecode of the track."""
    starts = -round(track.source_range.start_time.value)
    rows = []
    for item in track.find_clips():
        at, source = item.range_in_parent(), item.source_range
        record = (at.start_time.value + starts, at.end_time_exclusive().value + starts)
        times = (*record, source.start_time.value, source.end_time_exclusive().value)
        rows.append((item.name, *(round(time) for time in times)))
    return rows


def test_clip_reference_and_reel_carry_the_name() -> None:
    cut = a_cut(Fraction(24))
    for text, adapter in ((timelines.otio_json(cut), "otio_json"), (timelines.fcp7(cut).decode(), "fcp_xml")):
        read = otio.adapters.read_from_string(text, adapter)
        for item in read.find_clips():
            assert item.media_reference.target_url == f"media/{item.name}" and item.media_reference.name == item.name
    edl = timelines.edl(cut)
    assert "FCM: NON-DROP FRAME" in edl and "\n001  0000000a A " in edl and "\n002  00000001 V " in edl
    assert "* FROM CLIP NAME:  001_00000001.mov" in edl


def test_comments_are_markers_where_they_were_said() -> None:
    cut = a_cut(Fraction(25))
    read = otio.adapters.read_from_string(timelines.otio_json(cut), "otio_json")
    first = next(iter(read.tracks[0].find_clips()))
    hour = 90_000
    said = [(m.name, m.marked_range.start_time.value - hour, m.marked_range.duration.value) for m in first.markers]
    assert said == [("Anna: slower here", 15, 4), ("Ben: cut away", 119, 1)]
    assert not [m for item in read.tracks[2].find_clips() for m in item.markers]
    xml = otio.adapters.read_from_string(timelines.fcp7(cut).decode(), "fcp_xml")
    marks = next(iter(xml.tracks[0].find_clips())).markers
    assert [(m.name, m.marked_range.start_time.value) for m in marks] == [("Anna", 15), ("Ben", 119)]
    assert "* LOC: 01:00:00:05 RED     Anna: slower here" in timelines.edl(cut)
    assert "cut away" not in timelines.edl(cut), "it lies outside the trim"


def test_recipes_travel_with_the_clips() -> None:
    cut = a_cut(Fraction(24))
    read = otio.adapters.read_from_string(timelines.otio_json(cut), "otio_json")
    facts = next(iter(read.find_clips())).metadata["apom"]
    assert (facts["prompt"], facts["model"], facts["seed"], facts["shot"]) == ("a boat", "m", str(2**63), "010 Harbour")
    root = ElementTree.fromstring(timelines.fcp7(cut))
    assert root.findtext(".//clipitem/logginginfo/description") == "a boat"


def test_the_bin_holds_the_others_and_a_file_is_described_once() -> None:
    root = ElementTree.fromstring(timelines.fcp7(a_cut(Fraction(24))))
    assert [clip.findtext("name") for clip in root.findall(".//bin/children/clip")] == ["009_00000009.mov"]
    described = [file.get("id") for file in root.iter("file") if len(file)]
    assert len(described) == len(set(described)) == 5
    assert {file.get("id") for file in root.iter("file")} == set(described)
    items = {item.get("id"): item for item in root.iter("clipitem")}
    linked = items["clipitem-3"]
    assert {link.findtext("linkclipref") for link in linked.findall("link")} == {
        "clipitem-3",
        "clipitem-4",
        "clipitem-5",
    }
    bin = otio.adapters.read_from_string(timelines.alternates_json(a_cut(Fraction(24))), "otio_json")
    assert [item.name for item in bin] == ["009_00000009.mov"]


def test_an_empty_cut_is_a_file_too() -> None:
    cut = a_cut(Fraction(24), events=(), alternates=())
    assert not list(otio.adapters.read_from_string(timelines.otio_json(cut), "otio_json").find_clips())
    assert not list(otio.adapters.read_from_string(timelines.fcp7(cut).decode(), "fcp_xml").find_clips())
    assert timelines.edl(cut).startswith("TITLE: Film")


@settings(max_examples=60, deadline=None)
@given(title=anything, name=anything, prompt=anything, said=anything, code=anything)
def test_whatever_people_write_becomes_a_timeline(title: str, name: str, prompt: str, said: str, code: str) -> None:
    facts = {"prompt": prompt, "model": said, "seed": None, "take": 1}
    media = Media(file="media/010_00000001.mov", frames=50, reel="00000001", has_sound=True, facts=facts)
    notes = [Note(at=3, author=name, text=said)]
    event = Event(code=code, name=name, start=0, frames=50, media=media, notes=notes)
    cut = Cut(
        title=title,
        rate=Fraction(24),
        width=64,
        height=48,
        events=[event],
        alternates=[Alternate(code=code, media=media)],
    )
    for text, adapter in ((timelines.otio_json(cut), "otio_json"), (timelines.fcp7(cut).decode(), "fcp_xml")):
        assert len(list(otio.adapters.read_from_string(text, adapter).tracks[0].find_clips())) == 1
    edl = otio.adapters.read_from_string(timelines.edl(cut), "cmx_3600")
    assert [len(track) for track in edl.tracks] == [1, 1]
    otio.adapters.read_from_string(timelines.alternates_json(cut), "otio_json")


def test_what_a_project_says_becomes_a_rate_that_editors_know() -> None:
    known = {23.976: 24 * NTSC, 23.98: 24 * NTSC, 24: 24, 25: 25, 29.97: 30 * NTSC, 30: 30, 59.94: 60 * NTSC, 60: 60}
    for fps, rate in known.items():
        assert edit_rate(fps) == rate and is_kept(fps, edit_rate(fps))
    odd = {12: 24, 12.5: 25, 15: 30, 10: 30, 120: 60, 100: 50, 18: 24, 0.3: 24, 90: 30, 16: 48, 61: 60}
    for fps, rate in odd.items():
        assert edit_rate(fps) == rate and not is_kept(fps, edit_rate(fps)), fps


@given(st.floats(min_value=1e-9, max_value=240))
def test_any_rate_finds_one(fps: float) -> None:
    assert edit_rate(fps) in RATES


def test_trims_stay_in_the_clip() -> None:
    rate = Fraction(24)
    assert trim(48, None, None, rate) == (0, 48)
    assert trim(48, 0.5, 1.0, rate) == (12, 12)
    assert trim(48, 5.0, 9.0, rate) == (47, 1)
    assert trim(48, 1.0, 0.5, rate) == (24, 1)
    assert trim(48, 0.0, 99.0, rate) == (0, 48)


def test_timecode_counts_frames() -> None:
    assert timecode(86_400, 24 * NTSC) == "01:00:00:00"
    assert timecode(86_400 + 1441, Fraction(24)) == "01:01:00:01"
    assert timecode(24 * 3600 * 25, Fraction(25)) == "00:00:00:00"


@given(st.permutations(list("abcdefgh")))
def test_as_few_as_can_be_are_moved(after: list[str]) -> None:
    before = list("abcdefgh")
    gone = moved(before, after)
    assert [name for name in before if name not in gone] == [name for name in after if name not in gone]
    assert moved(before, before) == set()


def test_one_that_is_moved_moves_no_other() -> None:
    assert moved(list("abcde"), list("bcdea")) == {"a"}
    assert moved(list("abc"), list("axbyc")) == set()


@given(anything)
def test_a_line_is_one(text: str) -> None:
    assert len(line(text).splitlines()) <= 1
