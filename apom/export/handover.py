"""The hand-over to an editor: one ZIP with the cut, everything it is cut from, and what is different since the last one.

    media/      what the timelines name: clips at one frame rate with timecode, pictures, the soundtrack
    originals/  the takes as they came, where `media/` holds something made from them
    cut.*       the timelines; content.otio is cut.otio once more: called .otioz the ZIP is an OpenTimelineIO bundle

Names never change (`apom.names`), so the next one is unpacked over the last, and holds only files that are new.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from apom.config import LIMITS
from apom.errors import BadMedia, NotFound, TooLarge
from apom.export import tables, timelines
from apom.export.changes import COLUMNS, Content, Placed, Sent, changes
from apom.export.cut import Alternate, Cut, Event, Media, Note, edit_rate, is_kept, line, to_frames, trim
from apom.export.room import Progress, Room
from apom.media.sniff import HEAD, JPEG, PNG, sniff
from apom.models import AssetType, Box, BoxKind, Record, Scope, new_id
from apom.names import media_names, stem, take8
from apom.store import boxes, exporting
from apom.words import N_, _, day, plural, say

OTIOZ = "1.0.0"  # the version of OpenTimelineIO's bundles
UPRIGHT = 1
ORIENTATION = 0x0112
SHEET = (
    "shot", "name", "file", "original", "take", "picked", "favourite", "model", "seed", "prompt", "made_by", "sha256",
)  # fmt: skip
Row = Mapping[str, Any]


class CutChoice(Record):
    """What an editor gets."""

    holds: Literal["changes", "everything"] = Field("changes", description=N_("what it holds"))
    coding: Literal["prores", "h264"] = Field("prores", description=N_("how clips are coded"))
    alternates: Literal["none", "favourites", "all"] = Field(
        "favourites", description=N_("other takes of the shots, in a bin")
    )
    still_s: float = Field(
        3.0, ge=0.1, le=3600.0, description=N_("seconds for a still whose shot says nothing of its length")
    )
    prompts: bool = Field(True, description=N_("prompt, model and seed in the clips' notes"))


def write(room: Room, choice: CutChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The ZIP at `path`, and remembers what was in it. Answers with what is missing. Raises OSError."""
    found = _gathered(room)
    try:
        with room.storage.temp() as folder, zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
            folder.mkdir()
            making = _Making(room, choice, found, archive, folder, progress)
            content = making.run()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if Scope.WRITE not in room.actor.scopes:  # who may only read changes nothing, the next hand-over neither
        return making.remarks
    with room.store.write() as tx:
        kept = content.model_dump(mode="json")
        exporting.keep_handover(tx, found.id, room.project_id, kept, room.actor.user_id, room.now)
    return making.remarks


def told(room: Room, choice: CutChoice) -> Mapping[str, int | None]:
    """Which one it was, and since which it holds the changes, None for everything; nothing where none is remembered."""
    assert room.job_id is not None, "what takes long is made as a job"
    with room.store.read() as tx:
        number = exporting.handover_number(tx, room.job_id)
    if number is None:
        return {}
    return {"number": number, "since": number - 1 if choice.holds == "changes" and number > 1 else None}


@dataclass(frozen=True, kw_only=True)
class _Found:
    """All that was read from the store. `before`: the last hand-over, and its number."""

    id: UUID
    project: Any
    shots: Sequence[Box]
    takes: Sequence[Row]
    sound: Row | None
    marks: Mapping[UUID, Sequence[Row]]
    before: tuple[int, Content] | None


def _gathered(room: Room) -> _Found:
    """In one moment of the store."""
    project = room.project()
    order = room.job_id or new_id()
    with room.store.read() as tx:
        last = exporting.last_handover(tx, room.project_id, order)
        return _Found(
            id=order,
            project=project,
            shots=boxes.of_project(tx, room.actor.user_id, room.project_id, BoxKind.SHOT),
            takes=exporting.files(tx, room.project_id),
            sound=exporting.soundtrack_file(tx, room.project_id),
            marks=exporting.marks(tx, room.project_id),
            before=(last[0], Content.model_validate(last[1])) if last else None,
        )


class _Making:
    """One hand-over, file by file: what was made is in the ZIP before the next begins."""

    def __init__(
        self, room: Room, choice: CutChoice, found: _Found, archive: zipfile.ZipFile, folder: Path, progress: Progress
    ) -> None:
        self.remarks: list[str] = []
        self._room, self._choice, self._found = room, choice, found
        self._archive, self._folder, self._progress = archive, folder, progress
        self._rate = edit_rate(found.project.fps)
        self._by_id = {take["id"]: take for take in found.takes}
        known = [*found.takes, *([found.sound] if found.sound and found.sound["id"] not in self._by_id else [])]
        self._names = media_names((take["code"], take["id"], _ending(take)) for take in known)
        is_whole = choice.holds == "everything" or found.before is None
        self._had: dict[str, Sent] = {} if is_whole or found.before is None else dict(found.before[1].files)
        self._has: dict[str, Sent] = {}
        self._rows: list[dict[str, object]] = []
        self._others = list(self._chosen())
        self._whole = sum(map(_weight, self._used())) or 1.0
        self._done = 0.0
        self._new = 0

    def run(self) -> Content:
        """All of it; what there is to remember."""
        if not is_kept(self._found.project.fps, self._rate):
            self.remarks.append(
                _(
                    "Editing programs do not cut at {fps} frames a second: everything here runs at {rate}.",
                    fps=f"{self._found.project.fps:g}",
                    rate=f"{float(self._rate):g}",
                )
            )
        if not self._found.shots:
            self.remarks.append(_("The project has no shots yet."))
        events = tuple(self._events())
        others = [Alternate(code=take["code"], media=media) for take in self._others if (media := self._media(take))]
        sound = self._soundtrack()
        cut = Cut(
            title=self._found.project.name,
            rate=self._rate,
            width=self._found.project.width,
            height=self._found.project.height,
            events=[event for event, _placed in events],
            alternates=others,
            sound=sound,
        )
        content = Content(
            rate=str(self._rate),
            shots=tuple(placed for _event, placed in events),
            sound=sound.file if sound else "",
            files={**self._had, **self._has},
        )
        self._put_timelines(cut)
        self._put_tables(content)
        self._text("README.txt", self._readme())
        return content

    # the shots

    def _events(self) -> Iterator[tuple[Event, Placed]]:
        start = 0
        for shot in self._found.shots:
            take = self._by_id.get(shot.headliner_asset_id) if shot.headliner_asset_id else None
            if take is None:
                self._miss(shot.code, shot.name, _("No take has been picked for this shot."))
            media = self._media(take) if take else None
            first, frames = self._place(shot, media)
            if media is not None and media.kind == "still":
                media = _standing(media, frames)
            notes = self._notes(take, first) if take and media else ()
            known: dict[str, Any] = {"code": shot.code, "name": shot.name, "frames": frames}
            yield (
                Event(**known, start=start, source_in=first, media=media, notes=notes),
                Placed(
                    **known,
                    box=str(shot.id),
                    file=media.file if media else "",
                    is_clip=media is not None and media.kind == "clip",
                    first=first,
                ),
            )
            start += frames

    def _place(self, shot: Box, media: Media | None) -> tuple[int, int]:
        """As the review's player plays it: a picture stands for the shot's length, a clip is trimmed."""
        if media is not None and media.kind == "clip":
            return trim(media.frames, shot.in_s, shot.out_s, self._rate)
        seconds = shot.duration_s or self._choice.still_s
        if media is None and shot.out_s is not None:
            seconds = max(0.0, shot.out_s - (shot.in_s or 0.0)) or seconds
        return 0, max(1, to_frames(seconds, self._rate))

    def _notes(self, take: Row, first: int) -> tuple[Note, ...]:
        notes = []
        for said in self._found.marks.get(take["id"], ()):
            at = first if said["timecode_s"] is None else to_frames(said["timecode_s"], self._rate)
            frames = 1 if said["end_s"] is None else max(1, to_frames(said["end_s"], self._rate) - at)
            author, text = said["author_name"], said["text"]
            notes.append(Note(at=at, frames=frames, author=author, text=text, is_done=said["is_resolved"]))
        return tuple(notes)

    def _chosen(self) -> Iterator[Row]:
        """The other takes of the shots, shot by shot."""
        shots = {shot.id for shot in self._found.shots}
        kinds = (AssetType.IMAGE, AssetType.VIDEO)
        wanted = self._choice.alternates
        takes = (take for take in self._found.takes if take["box_id"] in shots and take["asset_type"] in kinds)
        for take in sorted(takes, key=lambda take: (take["order_index"], take["number"])):
            if not take["is_headliner"] and (wanted == "all" or (wanted == "favourites" and take["is_favorite"])):
                yield take

    def _used(self) -> Iterator[Row]:
        picked = (shot.headliner_asset_id for shot in self._found.shots)
        yield from (self._by_id[id] for id in picked if id in self._by_id)
        yield from self._others
        if self._found.sound:
            yield self._found.sound

    # the files

    def _media(self, take: Row) -> Media | None:
        """A take as the timelines name it, its files in the ZIP; None, and a remark, where that cannot be."""
        self._tell(0.0)
        try:
            return self._made(take)
        except (BadMedia, NotFound, TooLarge) as error:
            why = say(error) if isinstance(error, (BadMedia, TooLarge)) else _("Its file cannot be found.")
            if take["purged_at"]:
                why = _("Its file was cleaned away; its recipe is left.")
            self._miss(take["code"], take["name"], f"{self._names[take['id']]}: {why}")
            return None
        finally:
            self._done += _weight(take)

    def _made(self, take: Row) -> Media:
        if take["purged_at"] or not take["file_key"]:
            raise NotFound
        if take["asset_type"] == AssetType.VIDEO:
            return self._clip(take)
        return self._sound_file(take) if take["asset_type"] == AssetType.AUDIO else self._still(take)

    def _clip(self, take: Row) -> Media:
        from apom.media.conform import write_clip

        name = self._names[take["id"]]
        file, sign = f"media/{stem(name)}.mov", f"{_sign(take)} {self._choice.coding} {self._rate}"
        known = self._known(file, sign, f"originals/{name}")
        if known is None:
            source, made = self._room.storage.path(take["file_key"]), self._folder / "clip.mov"
            facts = write_clip(
                source,
                made,
                self._rate,
                coding=self._choice.coding,
                reel=take8(take["id"]),
                on_progress=lambda share: self._tell(share * _weight(take)),
            )
            self._file(made, file)
            self._file(source, f"originals/{name}")
            made.unlink()
            known = Sent(
                sign=sign, frames=facts.frames, width=facts.width, height=facts.height, has_sound=facts.has_sound
            )
            self._has[f"originals/{name}"] = Sent(sign=_sign(take), frames=0)
        return self._as_media(take, file, known, "clip", f"originals/{name}")

    def _still(self, take: Row) -> Media:
        """PNG and JPEG that stand upright go as they are; the rest as PNG, which every program opens."""
        name = self._names[take["id"]]
        as_is = [f"media/{name}"]
        made_of = [f"media/{stem(name)}.png", f"originals/{name}"]
        sign = _sign(take)
        for files in (as_is, made_of):
            if known := self._known(files[0], sign, *files[1:]):
                return self._as_media(take, files[0], known, "still", files[-1])
        from apom.media.images import full

        source = self._room.storage.path(take["file_key"])
        size, is_plain = _picture(source)
        files = as_is if is_plain else made_of
        if is_plain:
            self._file(source, files[0])
        else:
            with source.open("rb") as file:
                kind = sniff(file.read(HEAD))
            picture, made = full(source, kind.reader, LIMITS), self._folder / "still.png"
            size = picture.size
            picture.save(made, "PNG", compress_level=3)
            self._file(made, files[0])
            self._file(source, files[1])
            made.unlink()
            self._has[files[1]] = Sent(sign=sign, frames=0)
        known = Sent(sign=sign, frames=self._rate_frames(self._choice.still_s), width=size[0], height=size[1])
        return self._as_media(take, files[0], known, "still", files[-1])

    def _rate_frames(self, seconds: float) -> int:
        return max(1, to_frames(seconds, self._rate))

    def _soundtrack(self) -> Media | None:
        return self._media(self._found.sound) if self._found.sound else None

    def _sound_file(self, take: Row) -> Media:
        from apom.media.conform import write_sound

        name = self._names[take["id"]]
        file, sign = f"media/{stem(name)}.wav", f"{_sign(take)} {self._rate}"
        known = self._known(file, sign, f"originals/{name}")
        if known is None:
            source, made = self._room.storage.path(take["file_key"]), self._folder / "sound.wav"
            seconds = write_sound(source, made, on_progress=lambda share: self._tell(share * _weight(take)))
            self._file(made, file)
            self._file(source, f"originals/{name}")
            made.unlink()
            known = Sent(sign=sign, frames=max(1, int(Fraction(seconds) * self._rate)), has_sound=True)
            self._has[f"originals/{name}"] = Sent(sign=_sign(take), frames=0)
        return self._as_media(take, file, known, "sound", f"originals/{name}")

    def _known(self, file: str, sign: str, *along: str) -> Sent | None:
        """What is told of a file that is in this ZIP already, or that the editor has; None for one that has to be made."""
        had = self._has.get(file) or self._had.get(file)
        is_whole = all(each in self._has or each in self._had for each in along)
        return had if had is not None and had.sign == sign and is_whole else None

    def _as_media(self, take: Row, file: str, sent: Sent, kind: Literal["clip", "still", "sound"], own: str) -> Media:
        self._has[file] = sent
        facts: dict[str, str | int | None] = {
            "take": take["number"],
            "original": own,
            "sha256": take["sha256"],
            **(
                {"prompt": take["prompt_text"], "model": take["ai_model"], "seed": take["seed"]}
                if self._choice.prompts
                else {}
            ),
        }
        self._rows.append(
            {
                **facts,
                "shot": take["code"],
                "name": take["name"],
                "file": file,
                "picked": take["is_headliner"],
                "favourite": take["is_favorite"],
                "made_by": take["made_by"],
            }
        )
        return Media(
            file=file,
            frames=sent.frames,
            reel=take8(take["id"]),
            kind=kind,
            width=sent.width,
            height=sent.height,
            has_sound=sent.has_sound,
            facts=facts,
        )

    # the ZIP

    def _file(self, source: Path, name: str) -> None:
        self._archive.write(source, name)
        self._new += 1
        self._tell(0.0)

    def _text(self, name: str, text: str | bytes) -> None:
        self._archive.writestr(name, text, zipfile.ZIP_DEFLATED)

    def _put_timelines(self, cut: Cut) -> None:
        whole = timelines.otio_json(cut)
        self._text("cut.otio", whole)
        self._text("content.otio", whole)
        self._text("version.txt", OTIOZ)
        self._text("cut.xml", timelines.fcp7(cut))
        self._text("cut.edl", timelines.edl(cut))
        if cut.alternates:
            self._text("alternates.otio", timelines.alternates_json(cut))

    def _put_tables(self, content: Content) -> None:
        self._table("shots.csv", SHEET, self._rows)
        if self._found.before is not None:
            self._table("changes.csv", COLUMNS, list(changes(self._found.before[1], content)))

    def _table(self, name: str, header: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        made = self._folder / "table.csv"
        tables.write(made, header, rows)
        self._archive.write(made, name, zipfile.ZIP_DEFLATED)

    def _tell(self, done: float) -> None:
        self._progress(min(1.0, (self._done + done) / self._whole))

    def _miss(self, code: str, name: str, why: str) -> None:
        self.remarks.append(line(f"{code} {name}: {why}"))

    def _readme(self) -> str:
        number = self._found.before[0] + 1 if self._found.before else 1
        since = (
            _("It holds every file.")
            if not self._had
            else _(
                "It holds what is new since hand-over {last}: {files}. Unpack it over the folder of the last one; changes.csv"
                " says what is different.",
                last=number - 1,
                files=plural("{n} file", "{n} files", self._new),
            )
        )
        facts = _("{rate} frames a second, non-drop-frame, timecode from 01:00:00:00.", rate=f"{float(self._rate):.6g}")
        head = f"{line(self._found.project.name)}\n{_('Hand-over {n}', n=number)}, {day(self._room.now)}\n"
        missing = [_("What is missing:"), *(f"- {remark}" for remark in self.remarks), ""] if self.remarks else []
        return "\n".join([head, since, facts, "", *missing, *(_(text) for text in README), ""])


README = (
    N_(
        "Premiere Pro: File > Import, choose cut.xml. Where it asks for a file, show it one in media/; it finds the rest."
    ),
    N_(
        "DaVinci Resolve: set the project's frame rate first. File > Import > Timeline, choose cut.xml or cut.otio. Or call"
        " this ZIP .otioz and import that: it is an OpenTimelineIO bundle (only one that holds every file)."
    ),
    N_(
        "Final Cut Pro reads neither: import cut.xml in Resolve and export it from there as FCPXML, or convert it with"
        " SendToX or XtoCC."
    ),
    N_("Avid and everything else: cut.edl, with reels named like the end of each file's name."),
    "",
    N_("media/ holds what the timelines name: clips at one frame rate with timecode, each frame on its own; pictures."),
    N_("originals/ holds the takes as they came from their makers."),
    N_("V1 is the cut, A1 the soundtrack, A2 the clips' own sound. Other takes lie in the bin Alternates."),
    N_("Takes keep their own size. Smaller than the sequence, they are scaled in Premiere by Set to Frame Size."),
    N_("Comments of clients are markers: red while they are open, green when they are done."),
    N_("A file keeps its name for ever, whatever becomes of its shot's place or name."),
)


def _standing(media: Media, frames: int) -> Media:
    """A picture is as long as it stands."""
    return Media(**{**vars(media), "frames": frames})


def _ending(take: Row) -> str:
    return str(take["file_key"] or "").rpartition(".")[2]


def _sign(take: Row) -> str:
    return str(take["sha256"] or take["file_key"])


def _weight(take: Row) -> float:
    """How much of the work a take is: clips are coded anew."""
    return 1.0 + 10.0 * float(take["duration_s"] or 0.0) if take["asset_type"] == AssetType.VIDEO else 1.0


def _picture(path: Path) -> tuple[tuple[int, int], bool]:
    """Its size, and whether every editing program shows it as it is: PNG or JPEG, upright. Raises BadMedia."""
    from apom.media.images import opened

    with path.open("rb") as file:
        kind = sniff(file.read(HEAD))
    with opened(path, kind.reader, LIMITS) as image:
        is_upright = image.getexif().get(ORIENTATION, UPRIGHT) == UPRIGHT
        image.load()
        return image.size, kind in (PNG, JPEG) and is_upright and getattr(image, "n_frames", 1) == 1
