"""The cut as a film to look at: what stands in it, for how long, and what is said where something is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from apom.config import LIMITS
from apom.errors import ApomError, Invalid
from apom.models import AssetType, Box, BoxKind, Project, Record
from apom.store import boxes, exporting
from apom.words import N_, _

if TYPE_CHECKING:
    from apom.export.room import Progress, Room
    from apom.media.storage import LocalStorage

LINES = {"720p": 720, "1080p": 1080}
MOST_FPS = 60
NTSC = Fraction(1000, 1001)
SPOKEN_CHARS = 300  # of a line or a prompt on a slate
NO_HEADLINER = N_("No take has been picked for this shot.")
PURGED = N_("The file was cleaned away; its recipe is left.")
NO_FILE = N_("The file cannot be found.")
WORDS = (N_("project"), N_("blur"), N_("black"))  # as they are shown


class AnimaticChoice(Record):
    """How the film is made."""

    size: Literal["720p", "1080p"] = Field("720p", description=N_("size"))
    fps: Literal["project", "24", "25", "30"] = Field("project", description=N_("frames per second"))
    still_s: float = Field(
        3.0, ge=0.1, le=60, description=N_("seconds for a still whose shot says nothing of its length")
    )
    fill: Literal["blur", "black"] = Field("blur", description=N_("beside pictures of another shape"))
    codes: bool = Field(True, description=N_("the shot's code and name in the picture"))
    clip_sound: bool = Field(True, description=N_("sound of the clips"))
    soundtrack: bool = Field(True, description=N_("the project's soundtrack, softer while a clip is heard"))


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A shot in the film. `path`: None for a slate, then `remark` says why. `in_s`: where a clip begins.

    A clip that is longer than the shot is cut; of one that is shorter the last frame stays. `spoken`: for the slate.
    """

    code: str
    name: str
    duration_s: float
    path: Path | None = None
    is_clip: bool = False
    in_s: float = 0.0
    out_s: float | None = None
    spoken: str = ""
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Film:
    """What is made. `size`: in pixels, even; `is_blurred`: what lies beside pictures of another shape, else black."""

    title: str
    scenes: Sequence[Scene]
    size: tuple[int, int]
    fps: Fraction
    is_blurred: bool = True
    has_codes: bool = True
    has_clip_sound: bool = True
    soundtrack: Path | None = None


def write(room: Room, choice: AnimaticChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The film at `path`, or nothing there. Minutes of processor time. Raises Invalid, OSError."""
    from apom.export import animatic

    film, remarks = gather(room, choice)
    return (*remarks, *animatic.write(film, path, progress))


def gather(room: Room, choice: AnimaticChoice) -> tuple[Film, tuple[str, ...]]:
    """What the film is made of, and what is missing beside the shots, in words. Raises Invalid."""
    project = room.project()
    with room.store.read() as tx:
        shots = boxes.of_project(tx, room.actor.user_id, room.project_id, BoxKind.SHOT)
        found = exporting.footage(tx, room.project_id, [b.headliner_asset_id for b in shots if b.headliner_asset_id])
        track = exporting.soundtrack(tx, room.project_id) if choice.soundtrack else None
    scenes = [_scene(room.storage, box, found, choice.still_s) for box in shots]
    remarks = [] if shots else [_("The project has no shots yet.")]
    soundtrack = _file(room.storage, track) if track else None
    if track and soundtrack is None:
        remarks.append(_("The soundtrack cannot be found: the film is without it."))
    _check_length(scenes)
    film = Film(
        title=project.name,
        scenes=scenes or [Scene(code="", name=project.name, duration_s=choice.still_s, remark=remarks[0])],
        size=size_of(project, LINES[choice.size]),
        fps=rate_of(project.fps if choice.fps == "project" else float(choice.fps)),
        is_blurred=choice.fill == "blur",
        has_codes=choice.codes,
        has_clip_sound=choice.clip_sound,
        soundtrack=soundtrack,
    )
    return film, tuple(remarks)


def _scene(storage: LocalStorage, box: Box, found: Mapping[Any, dict[str, Any]], still_s: float) -> Scene:
    take = found.get(box.headliner_asset_id) if box.headliner_asset_id else None
    is_clip = take is not None and take["asset_type"] == AssetType.VIDEO
    length_s = _clip_s(box, take["duration_s"]) if take and is_clip else None
    path = _file(storage, take) if take else None
    known: dict[str, Any] = {
        "code": box.code,
        "name": box.name,
        "duration_s": box.duration_s or length_s or still_s,
        "spoken": (box.line or (take or {}).get("prompt_text") or box.prompt_text)[:SPOKEN_CHARS],
    }
    if path is None:
        remark = NO_HEADLINER if take is None else PURGED if take["purged_at"] else NO_FILE
        return Scene(**known, remark=_(remark))
    return Scene(**known, path=path, is_clip=is_clip, in_s=box.in_s or 0.0, out_s=box.out_s)


def _clip_s(box: Box, duration_s: float | None) -> float | None:
    """How long a clip is with its trims; None when nothing would be left."""
    ends = [each for each in (box.out_s, duration_s) if each is not None]
    left = min(ends) - (box.in_s or 0.0) if ends else 0.0
    return left if left > 0 else None


def _file(storage: LocalStorage, take: Mapping[str, Any]) -> Path | None:
    try:
        return storage.path(take["file_key"] or "")
    except ApomError:
        return None


def _check_length(scenes: Sequence[Scene]) -> None:
    whole_s = sum(scene.duration_s for scene in scenes)
    if whole_s > LIMITS.animatic_s:
        raise Invalid(
            "The film would last {minutes} minutes; at most {most} are made. Shorten the shots.",
            field="duration_s",
            minutes=round(whole_s / 60),
            most=round(LIMITS.animatic_s / 60),
        )


def size_of(project: Project, lines: int) -> tuple[int, int]:
    """The project's proportions with so many lines on the shorter side, never more than three times that on the other."""
    share = lines / min(project.width, project.height)
    width, height = (min(3 * lines, round(side * share / 2) * 2) for side in (project.width, project.height))
    return width, height


def rate_of(fps: float) -> Fraction:
    """Frames per second as a fraction: 23.976 is 24000/1001, as cameras mean it; at most `MOST_FPS`."""
    fps = min(max(1.0, fps), MOST_FPS)
    ntsc = round(fps / NTSC) * NTSC
    return (
        ntsc
        if ntsc != round(fps) and abs(fps - ntsc) < 0.005 and fps != round(fps)
        else Fraction(fps).limit_denominator(1000)
    )
