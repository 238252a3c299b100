"""The rights sheet: where each delivered file came from, on what terms, and who approved it.

Terms are those of the provider file that was kept with the order, not today's. What nobody knows is said as unknown, beside the
file and at the top: a sheet that leaves it out would be taken for a clean one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic import Field

from apom.export import word
from apom.export.room import Progress, Room
from apom.export.sheet import clean
from apom.export.tables import write as write_table
from apom.models import BoxKind, Delivered, Opinion, Paper, Project, Record, Rights, SourceType
from apom.names import media_names
from apom.store import exporting
from apom.words import N_, _, day, moment, plural

if TYPE_CHECKING:
    from docx.document import Document
    from docx.table import _Row

    from apom.providers.spec import ProviderSpec, Terms

T = TypeVar("T")
COLUMNS = ((N_("File"), 62), (N_("Made with, on what terms"), 76), (N_("Prompt and inputs"), 82), (N_("Approval"), 40))
TABLE = (
    "file", "shot", "take", "type", "sha256", "made_at", "made_by", "source", "provider", "model", "commercial_use", "terms",
    "disclosure", "terms_checked_on", "seed", "prompt", "inputs", "approval", "owner", "licence", "note", "open_questions",
)  # fmt: skip
COMMERCIAL = {
    "yes": N_("commercial use: yes"),
    "plan": N_("commercial use: depends on the plan that was paid for"),
    "no": N_("commercial use: NO"),
    "unknown": N_("commercial use: UNKNOWN"),
}
NOTHING = {
    "headliners": N_("No headliner has been picked yet."),
    "round": N_("No round has been published yet, or it shows no take."),
    "favourites": N_("No take is a favourite yet."),
    "all": N_("The project has no finished takes yet."),
}


class Question(StrEnum):
    """What stands between a file and its use, the worst first."""

    FORBIDDEN = "FORBIDDEN"  # its terms say that it may not be used commercially
    TERMS = "TERMS"  # nobody knows what the provider allows
    PLAN = "PLAN"  # it depends on what was paid for
    OWNER = "OWNER"  # an upload without an owner or a licence
    INPUTS = "INPUTS"  # one of these holds for something that went into it
    CHANGES = "CHANGES"  # somebody's last word was no
    UNJUDGED = "UNJUDGED"  # nobody approved it
    PLAY = "PLAY"  # the sandbox drew it
    GONE = "GONE"  # its file is not there any more


OF_ONE = {
    Question.FORBIDDEN: N_("The provider's terms forbid commercial use."),
    Question.TERMS: N_("The provider's terms for commercial use are UNKNOWN."),
    Question.PLAN: N_("Commercial use depends on the provider's plan: check yours."),
    Question.OWNER: N_("Uploaded; owner or licence UNKNOWN."),
    Question.INPUTS: N_("The rights in something that went into it are UNKNOWN or restricted."),
    Question.CHANGES: N_("Changes are wanted."),
    Question.UNJUDGED: N_("Not approved by anybody."),
    Question.PLAY: N_("A stand-in that the sandbox drew."),
    Question.GONE: N_("The file is not there any more."),
}
RESTRICTS = frozenset([Question.FORBIDDEN, Question.TERMS, Question.PLAN, Question.OWNER])


def of_many(question: Question, n: int) -> str:
    """The same, counted."""
    match question:
        case Question.FORBIDDEN:
            return plural("{n} file may not be used commercially.", "{n} files may not be used commercially.", n)
        case Question.TERMS:
            return plural("{n} file has unknown commercial terms.", "{n} files have unknown commercial terms.", n)
        case Question.PLAN:
            return plural(
                "{n} file may be used as the provider's plan allows.",
                "{n} files may be used as the provider's plan allows.",
                n,
            )
        case Question.OWNER:
            return plural(
                "{n} upload is without an owner or a licence.", "{n} uploads are without an owner or a licence.", n
            )
        case Question.INPUTS:
            return plural(
                "{n} file was made from something whose rights are unknown or restricted.",
                "{n} files were made from something whose rights are unknown or restricted.",
                n,
            )
        case Question.CHANGES:
            return plural("Changes are wanted in {n} file.", "Changes are wanted in {n} files.", n)
        case Question.UNJUDGED:
            return plural("{n} file was approved by nobody.", "{n} files were approved by nobody.", n)
        case Question.PLAY:
            return plural("{n} file is a stand-in of the sandbox.", "{n} files are stand-ins of the sandbox.", n)
        case Question.GONE:
            return plural("{n} file is not there any more.", "{n} files are not there any more.", n)


class RightsChoice(Record):
    """Which files are delivered."""

    which: Delivered = Field("headliners", description=N_("which files"))
    paper: Paper = Field("A4", description=N_("paper"))


WORDS = (N_("round"),)  # as it is shown


class RightsCsvChoice(Record):
    """Which files are delivered."""

    which: Delivered = Field("headliners", description=N_("which files"))


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Somebody's last word about a take. `through`: whose review link it came by; empty for a member of the project."""

    opinion: Opinion
    name: str
    through: str
    round: int
    at: datetime

    @property
    def words(self) -> str:
        """In a line."""
        said = _("approved") if self.opinion is Opinion.APPROVED else _("changes wanted")
        link = _("link “{label}”", label=self.through) if self.through else _("member of the project")
        return f"{said}: {self.name}, {moment(self.at)} UTC, {_('round {n}', n=self.round)}, {link}"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a take is and where it came from. `terms`: None where nobody knows; `role`: as what it went into another;
    `is_frame`: a moment of a clip, so its rights are those of its input.
    """

    shot: str
    number: int
    type: str
    source: SourceType
    sha256: str | None
    provider: str = ""
    model: str = ""
    is_play: bool = False
    terms: Terms | None = None
    rights: Rights = field(default_factory=Rights)
    role: str = ""
    is_frame: bool = False

    @property
    def restrictions(self) -> frozenset[Question]:
        """What is open about the rights in itself."""
        if self.is_frame:
            return frozenset()
        if self.source is SourceType.UPLOADED:
            return frozenset() if self.rights.owner and self.rights.licence else frozenset([Question.OWNER])
        if self.is_play:
            return frozenset([Question.PLAY])
        commercial = self.terms.commercial if self.terms else "unknown"
        found = {"no": Question.FORBIDDEN, "unknown": Question.TERMS, "plan": Question.PLAN}.get(commercial)
        return frozenset([found] if found else [])

    @property
    def words(self) -> str:
        """As an input, in a line."""
        named = f"{self.role.replace('_', ' ')}: {self.shot}, {_('take {n}', n=self.number)}"
        hashed = f"sha256 {self.sha256}" if self.sha256 else _("sha256 UNKNOWN")
        return f"{named}, {'; '.join([*self.origin, hashed])}"

    @property
    def origin(self) -> Sequence[str]:
        """Who made it, and on what terms."""
        if self.is_frame:
            return [_("a frame of a clip: see its input")]
        if self.source is SourceType.UPLOADED:
            rights = self.rights
            told = [
                _("uploaded"),
                _("owner: {owner}", owner=rights.owner or _("UNKNOWN")),
                _("licence: {licence}", licence=rights.licence or _("UNKNOWN")),
                rights.note,
            ]
            return [text for text in told if text]
        made = f"{self.provider or _('provider UNKNOWN')}, {self.model or _('model UNKNOWN')}"
        if self.is_play:
            return [made, _(OF_ONE[Question.PLAY])]
        terms = self.terms
        if terms is None:
            return [made, _("terms: UNKNOWN"), _(COMMERCIAL["unknown"])]
        link = _("terms: {url}", url=terms.url or _("UNKNOWN"))
        looked = _("as of {day}", day=day(terms.checked_on))
        disclosure = _("disclosure: {words}", words=terms.disclosure or _("UNKNOWN"))
        return [made, f"{link}, {looked}", _(COMMERCIAL[terms.commercial]), disclosure]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One file that is delivered. `inputs`: all that went into it and into these, each once."""

    name: str
    made_by: str
    made_at: datetime
    prompt: str
    seed: int | None
    source: Source
    inputs: Sequence[Source] = ()
    judged: Sequence[Judged] = ()
    is_gone: bool = False

    @property
    def questions(self) -> Sequence[Question]:
        """What is open about it, the worst first."""
        found = set(self.source.restrictions)
        if any(each.restrictions & RESTRICTS for each in self.inputs):
            found.add(Question.INPUTS)
        if any(each.opinion is Opinion.CHANGES_WANTED for each in self.judged):
            found.add(Question.CHANGES)
        elif not self.judged:
            found.add(Question.UNJUDGED)
        if self.is_gone:
            found.add(Question.GONE)
        return [question for question in Question if question in found]


def summary(files: Iterable[Delivery]) -> list[str]:
    """What is open about all of them, counted, the worst first."""
    counts = Counter(question for each in files for question in each.questions)
    return [of_many(question, counts[question]) for question in Question if counts[question]]


def export_docx(room: Room, choice: RightsChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The rights sheet as a document at `path`; answers with what is open. Raises NotFound, OSError."""
    project, files = read(room, choice.which)
    told = summary(files) if files else [_(NOTHING[choice.which])]
    write_docx(project, files, told, choice.paper, room.now, path, progress)
    return told


def export_csv(room: Room, choice: RightsCsvChoice, path: Path, progress: Progress) -> Sequence[str]:
    """The rights sheet as a table at `path`; answers with what is open. Raises NotFound, OSError."""
    _project, files = read(room, choice.which)
    write_table(path, TABLE, (as_row(each) for each in files))
    progress(1)
    return summary(files) if files else [_(NOTHING[choice.which])]


def read(room: Room, which: Delivered) -> tuple[Project, list[Delivery]]:
    """What is delivered, in the order of the shots. Raises NotFound."""
    project = room.project()
    with room.store.read() as tx:
        takes = exporting.provenance(tx, room.project_id)
        inputs = exporting.inputs(tx, room.project_id)
        kept = exporting.snapshots(tx, room.project_id)
        judged = exporting.verdicts(tx, room.project_id)
        shown = exporting.last_round(tx, room.project_id) if which == "round" else set()
    specs = {sha256: spec for sha256, text in kept.items() if (spec := _spec(text)) is not None}
    words = _by(judged, "asset_id", _judged)
    into = _by(inputs, "asset_id", lambda row: (row["source_asset_id"], row["role"]))
    sources = {id_: _source(take, specs.get(take["snapshot"] or ""), id_ in into) for id_, take in takes.items()}
    wanted = [take for take in takes.values() if _is_delivered(take, which, shown)]
    names = media_names((take["code"], take["id"], _extension(take)) for take in wanted)
    return project, [
        Delivery(
            name=names[take["id"]],
            made_by=take["made_by"] or "",
            made_at=take["created_at"],
            prompt=take["prompt_text"],
            seed=take["seed"],
            source=sources[take["id"]],
            inputs=_ancestors(take["id"], into, sources),
            judged=words.get(take["id"], ()),
            is_gone=bool(take["purged_at"] or take["missing_at"] or not take["file_key"]),
        )
        for take in wanted
    ]


def _is_delivered(take: Mapping[str, Any], which: Delivered, shown: set[UUID]) -> bool:
    if which == "round":
        return take["id"] in shown
    if take["trashed_at"] or take["status"] != "COMPLETED":
        return False
    if which == "headliners":
        return bool(take["kind"] == BoxKind.SHOT and take["headliner_asset_id"] == take["id"])
    return which == "all" or bool(take["is_favorite"])


def _extension(take: Mapping[str, Any]) -> str:
    return PurePosixPath(take["file_key"] or "").suffix.lstrip(".")


def _spec(text: str) -> ProviderSpec | None:
    """A kept provider file; None where this version reads it no more: its terms are unknown then."""
    from apom.providers.catalog import from_snapshot

    try:
        return from_snapshot(text)
    except ValueError:
        return None


def _source(take: Mapping[str, Any], spec: ProviderSpec | None, has_inputs: bool) -> Source:
    model = next((model for model in spec.models if model.name == take["model"]), None) if spec else None
    named = f"{take['provider']}/{take['model']}" if take["provider"] else take["ai_model"]
    provider, _slash, name = named.partition("/") if "/" in named else ("", "", named)
    return Source(
        shot=f"{take['code']} {take['name']}".strip(),
        number=take["number"],
        type=take["asset_type"],
        source=SourceType(take["source_type"]),
        sha256=take["sha256"],
        provider=spec.name if spec else provider,
        model=f"{model.title} ({model.name})" if model else name,
        is_play=bool(spec and spec.is_play),
        terms=model.terms if model else None,
        rights=Rights(**(take["rights"] or {})),
        is_frame=has_inputs and take["source_type"] == SourceType.UPLOADED,
    )


def _judged(row: Mapping[str, Any]) -> Judged:
    return Judged(
        opinion=Opinion(row["verdict"]),
        name=row["name"],
        through=row["link"] or "",
        round=row["round"],
        at=row["created_at"],
    )


def _by(rows: Iterable[Mapping[str, Any]], key: str, read: Callable[[Mapping[str, Any]], T]) -> dict[UUID, list[T]]:
    found: dict[UUID, list[T]] = {}
    for row in rows:
        found.setdefault(row[key], []).append(read(row))
    return found


def _ancestors(
    take_id: UUID, into: Mapping[UUID, Sequence[tuple[UUID, str]]], sources: Mapping[UUID, Source]
) -> list[Source]:
    """What went into a take, and into that, each once, the nearest first."""
    seen, found, row = {take_id}, [], [take_id]
    while row:
        beneath = [pair for each in row for pair in into.get(each, ())]
        row = []
        for source_id, role in beneath:
            if source_id not in seen and source_id in sources:
                seen.add(source_id)
                row.append(source_id)
                found.append(replace(sources[source_id], role=role))
    return found


def as_row(each: Delivery) -> dict[str, object]:
    """In TABLE's columns."""
    source, terms = each.source, each.source.terms
    is_made = source.source is not SourceType.UPLOADED
    return {
        "file": each.name,
        "shot": source.shot,
        "take": source.number,
        "type": source.type,
        "sha256": source.sha256 or "UNKNOWN",
        "made_at": each.made_at,
        "made_by": each.made_by,
        "source": "FRAME" if source.is_frame else source.source.value,
        "provider": source.provider or ("UNKNOWN" if is_made else ""),
        "model": source.model or ("UNKNOWN" if is_made else ""),
        "commercial_use": (terms.commercial if terms else "unknown").replace("unknown", "UNKNOWN") if is_made else "",
        "terms": (terms.url if terms else "") or ("UNKNOWN" if is_made else ""),
        "disclosure": (terms.disclosure if terms else "") or ("UNKNOWN" if is_made else ""),
        "terms_checked_on": f"{terms.checked_on:%Y-%m-%d}" if terms else "",
        "seed": each.seed,
        "prompt": each.prompt,
        "inputs": "\n".join(given.words for given in each.inputs),
        "approval": "\n".join(judged.words for judged in each.judged),
        **{name: getattr(source.rights, name) for name in ("owner", "licence", "note")},
        "open_questions": " ".join(_(OF_ONE[question]) for question in each.questions),
    }


def write_docx(
    project: Project,
    files: Sequence[Delivery],
    told: Sequence[str],
    paper: Paper,
    made_at: datetime,
    path: Path,
    progress: Progress = lambda share: None,
) -> None:
    """The document at `path`; `told`: what stands at the top. Raises OSError."""
    document = word.new(f"{project.name} · {_('Rights sheet')}", paper, made_at)
    document.add_heading(clean(project.name), 0)
    counted = plural("{n} file", "{n} files", len(files))
    word.facts(document, [(_("Rights sheet"), counted), (_("Date"), f"{moment(made_at)} UTC")])
    document.add_paragraph()
    _summary(document, files, told)
    document.add_paragraph(_("Provider terms are those that were kept when the file was ordered, not those of today."))
    document.add_paragraph(_("This is a record of what is known, and no legal advice."))
    if files:
        word.heading(document, _("Files"))
        rows = word.table(document, [(_(title), width) for title, width in COLUMNS], len(files), paper)
        for number, (row, each) in enumerate(zip(rows, files, strict=True), start=1):
            _fill(row, each)
            progress(0.9 * number / len(files))
    document.save(str(path))
    progress(1)


def _summary(document: Document, files: Sequence[Delivery], told: Sequence[str]) -> None:
    """What is open, in red; that nothing is, in plain words."""
    if files and not told:
        document.add_paragraph(_("Nothing is open: terms, licences and approvals of all files are known."))
        return
    box = document.add_table(rows=1, cols=1)
    box.style = "Table Grid"
    word.put(box.rows[0].cells[0], _("Open questions"), loud=True)
    for text in told:
        word.put(box.rows[0].cells[0], f"• {text}", loud=True)
    document.add_paragraph()


def _fill(row: _Row, each: Delivery) -> None:
    named, made, prompt, approval = row.cells
    source = each.source
    word.keep(row, len(each.prompt) + sum(len(given.words) for given in each.inputs) + len(source.rights.note))
    word.put(named, each.name, bold=True)
    word.put(named, f"{source.shot}, {_('take {n}', n=source.number)}")
    word.put(named, f"sha256 {source.sha256}" if source.sha256 else _("sha256 UNKNOWN"))
    word.put(named, _("{day}, by {person}", day=day(each.made_at), person=each.made_by or _("UNKNOWN")))
    for text in source.origin:
        word.put(made, text)
    for question in each.questions:
        word.put(made, _(OF_ONE[question]), loud=True)
    word.put(prompt, each.prompt or _("no prompt"))
    if each.seed is not None:
        word.labelled(prompt, _("Seed"), str(each.seed))
    for given in each.inputs:
        word.labelled(prompt, _("Input"), given.words)
    for judged in each.judged:
        word.put(approval, judged.words)
    if not each.judged:
        word.put(approval, _("NOBODY"), loud=True)
