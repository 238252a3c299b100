"""What an order comes to: each prompt with each model in each shot with each seed, and everything that is wrong with it.

Pure: a catalogue and an order give a draft. What the store has to say comes in `apom.generate`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import JsonValue

from apom.alternatives import alternatives
from apom.config import LIMITS
from apom.errors import ApomError, Invalid
from apom.fields import one_line, tidy
from apom.media.fitting import fits
from apom.models import BatchInput, BatchOrder, InputRole, Json, Reason, Status, Take
from apom.words import N_, say

if TYPE_CHECKING:
    from apom.providers.catalog import Catalog
    from apom.providers.spec import Model, Worth

SEEDS = 2**31
STOPS = frozenset(".,;:!?…\n")  # after these a style needs no comma
OPTIONS = {
    "negative": N_("a negative prompt"),
    "aspect_ratio": N_("an aspect ratio"),
    "duration_s": N_("a duration"),
    "resolution": N_("a resolution"),
    "audio": N_("sound"),
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is wrong: the `field` of a `BatchOrder` it belongs to, the model that minds; None: not one alone."""

    error: ApomError
    field: str | None = None
    model: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """A model that is ordered from. `name`: as `provider/name`; `worth`: of one unit of the provider in money; `catalog`: of
    the moment when it was chosen.
    """

    name: str
    provider: str
    model: Model
    is_play: bool
    worth: Worth | None
    catalog: Catalog

    @classmethod
    def of(cls, catalog: Catalog, name: str) -> Choice:
        """By its name in an order. Raises Invalid."""
        provider, _, model_name = name.partition("/")
        model = catalog.find(provider, model_name)
        is_play, worth = catalog.worth(provider)
        return cls(name=name, provider=provider, model=model, is_play=is_play, worth=worth, catalog=catalog)

    @property
    def snapshot(self) -> tuple[str, str]:
        """(SHA-256, content) of the provider file it stands in."""
        return self.catalog.snapshot(self.provider)

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """Its parameters, as JSON Schema."""
        found = self.model.parameters_schema["properties"]
        assert isinstance(found, dict), "checked when the provider file was loaded"
        return found

    def named(self, role: str) -> str | None:
        """The parameter that plays this role (`x-role`), None without one."""
        return next((name for name, schema in self.properties.items() if schema.get("x-role") == role), None)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What an order may take from a shot itself."""

    code: str
    prompt: str
    headliner_id: UUID | None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A take to be made: its parameters are complete and checked."""

    box_id: UUID
    choice: Choice
    prompt: str
    params: Json
    inputs: Sequence[BatchInput]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is ordered of one model: parameters that all its takes share, and their seeds, None for one by chance."""

    choice: Choice
    params: Json
    seeds: Sequence[int | None]
    left_out: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An order, worked out. `prompts`: of each shot, with their alternatives written out; `inputs`: of each shot that has
    them all.
    """

    order: BatchOrder
    prompts: Mapping[UUID, Sequence[str]]
    inputs: Mapping[UUID, tuple[BatchInput, ...]]
    parts: Sequence[Part]
    faults: Sequence[Fault]

    @property
    def texts(self) -> Sequence[str]:
        """The prompts, each once."""
        return tuple(dict.fromkeys(text for texts in self.prompts.values() for text in texts))

    def count(self, part: Part) -> int:
        """How many takes of a model."""
        return sum(map(len, self.prompts.values())) * len(part.seeds)

    def takes(self) -> Iterator[Wanted]:
        """Every take, shot by shot. Only for a draft without faults."""
        for box_id, prompts in self.prompts.items():
            inputs = self.inputs[box_id]
            for prompt in prompts:
                for part in self.parts:
                    for seed in part.seeds:
                        params = _params(part, prompt, seed)
                        yield Wanted(box_id=box_id, choice=part.choice, prompt=prompt, params=params, inputs=inputs)


def asks_shots(order: BatchOrder) -> bool:
    """Whether something in an order is each shot's own."""
    return order.own_prompts or any(used.asset_id is None for used in order.inputs)


def asks_style(order: BatchOrder) -> bool:
    """Whether the project's style belongs to an order. Of an edit the words say what changes, and nothing else."""
    return order.with_style and all(used.role is not InputRole.EDIT_SOURCE for used in order.inputs)


def styled(prompt: str, style: str) -> str:
    """A prompt as it is sent: the project's style after it, once, also where it was sent with it before.

    >>> styled("harbour at dawn", "35 mm film")
    'harbour at dawn, 35 mm film'
    """
    if not prompt or not style or prompt.endswith(style):
        return prompt
    return prompt + (" " if prompt[-1] in STOPS else ", ") + style


def draft(
    catalog: Catalog,
    order: BatchOrder,
    shots: Mapping[UUID, Shot] | None = None,
    *,
    is_literal: bool = False,
    style: str = "",
) -> Draft:
    """What an order comes to. `shots`: for an order that `asks_shots`; `is_literal`: braces in the prompts are braces;
    `style`: of the project, for an order that `asks_style`.
    """
    tidied = {"prompts": tuple(tidy(prompt) for prompt in order.prompts), "name": one_line(order.name)}
    order = order.model_copy(update=tidied)
    shots = shots or {}
    fields, prompts, in_prompts = _texts(order, shots, is_literal, style)
    choices, in_models = _choices(catalog, order)
    inputs, in_inputs = _headliners(order, shots)
    known = {name for choice in choices for name in choice.properties}
    parts, in_params = [], []
    for choice in choices:
        part, wrong = _part(catalog, choice, order, known, fields)
        parts.append(part)
        in_params += wrong
    found = Draft(order=order, prompts=prompts, inputs=inputs, parts=parts, faults=())
    faults = [*in_models, *in_prompts, *in_inputs, *_numbers(found), *in_params]
    return replace(found, faults=tuple(faults))


def _texts(
    order: BatchOrder, shots: Mapping[UUID, Shot], is_literal: bool, style: str
) -> tuple[dict[str, str], dict[UUID, Sequence[str]], list[Fault]]:
    """The prompts, each with the field of the order it came from; those of each shot; and what is wrong with them."""
    fields, faults = dict[str, str](), list[Fault]()

    def written_out(text: str, field: str) -> Sequence[str]:
        try:
            found = [_with(style, tidy(prompt)) for prompt in _texts_of(text, is_literal)]
        except Invalid as error:
            faults.append(Fault(error=error, field=field))
            return ()
        for prompt in found:
            fields.setdefault(prompt, field)
        return found

    if not order.own_prompts:
        if not order.prompts:
            faults.append(Fault(error=Invalid("Write a prompt.", field="prompts"), field="prompts"))
        for place, text in enumerate(order.prompts):
            written_out(text, f"prompts.{place}")
            if len(fields) > LIMITS.batch_takes:
                break
        return fields, dict.fromkeys(order.boxes, tuple(fields)), faults
    own = dict[UUID, Sequence[str]]()
    for place, box_id in enumerate(order.boxes):
        shot = shots.get(box_id)
        if shot is not None and not shot.prompt:
            error = Invalid(
                "Shot {code} has no prompt yet. Write one there, or give one prompt for all.",
                field="boxes",
                code=shot.code,
            )
            faults.append(Fault(error=error, field=f"boxes.{place}"))
        texts = written_out(shot.prompt, f"boxes.{place}") if shot and shot.prompt else ()
        own[box_id] = tuple(dict.fromkeys(texts))
    return fields, own, faults


def _headliners(
    order: BatchOrder, shots: Mapping[UUID, Shot]
) -> tuple[dict[UUID, tuple[BatchInput, ...]], list[Fault]]:
    """The inputs of each shot, its headliner filled in; a shot without one has none and a fault."""
    found, faults = dict[UUID, tuple[BatchInput, ...]](), list[Fault]()
    for place, box_id in enumerate(order.boxes):
        shot = shots.get(box_id)
        headliner = shot.headliner_id if shot else None
        if headliner is not None or all(used.asset_id is not None for used in order.inputs):
            found[box_id] = tuple(
                used if used.asset_id else used.model_copy(update={"asset_id": headliner}) for used in order.inputs
            )
        elif shot is not None:
            error = Invalid(
                "Shot {code} has no headliner to start from. Pick one, or leave the shot out.",
                field="boxes",
                code=shot.code,
            )
            faults.append(Fault(error=error, field=f"boxes.{place}"))
    return found, faults


def _texts_of(text: str, is_literal: bool) -> Sequence[str]:
    if len(text) > LIMITS.prompt_chars:
        raise Invalid("A prompt has at most {most} characters.", field="prompt", most=LIMITS.prompt_chars)
    return [text] if is_literal else alternatives(text, most=LIMITS.batch_takes)


def _with(style: str, prompt: str) -> str:
    text = styled(prompt, style)
    if len(text) > LIMITS.prompt_chars >= len(prompt):
        raise Invalid(
            "With the project's style the prompt has more than {most} characters. Shorten one of them, or leave the style "
            "out.",
            field="prompt",
            most=LIMITS.prompt_chars,
        )
    return text


def _choices(catalog: Catalog, order: BatchOrder) -> tuple[list[Choice], list[Fault]]:
    found, faults = list[Choice](), list[Fault]()
    for place, name in enumerate(order.models):
        if name not in order.models[:place]:
            try:
                found.append(Choice.of(catalog, name))
            except Invalid as error:
                faults.append(Fault(error=error, field=f"models.{place}"))
    if not order.models:
        faults.append(Fault(error=Invalid("Choose a model.", field="models"), field="models"))
    return found, faults


def _numbers(found: Draft) -> Iterator[Fault]:
    """Too few or too many of something."""
    if len(found.order.name) > LIMITS.name_chars:
        error = Invalid("A name has at most {most} characters.", field="name", most=LIMITS.name_chars)
        yield Fault(error=error, field="name")
    if not found.order.boxes:
        yield Fault(error=Invalid("Choose a shot.", field="boxes"), field="boxes")
    if not 1 <= found.order.n <= LIMITS.variations:
        error = Invalid("Ask for 1 to {most} takes at once.", field="n", most=LIMITS.variations)
        yield Fault(error=error, field="n")
    takes = sum(found.count(part) for part in found.parts)
    if takes > LIMITS.batch_takes:
        error = Invalid(
            "These are {takes} takes, and a batch has at most {most}. Use fewer prompts, models, shots or seeds.",
            takes=takes,
            most=LIMITS.batch_takes,
        )
        yield Fault(error=error)


def _part(
    catalog: Catalog, choice: Choice, order: BatchOrder, known: set[str], prompts: Mapping[str, str]
) -> tuple[Part, list[Fault]]:
    """What is ordered of a model, and what it minds: each prompt and each seed is tried once, not each with each."""
    given = _given(choice, order, known)
    left_out = tuple(name for name in order.params if name not in given)
    part = Part(choice=choice, params=given, seeds=_seeds(choice, order), left_out=left_out)
    first_prompt, first_seed = next(iter(prompts), ""), next(iter(part.seeds), None)
    samples = [(prompt, first_seed) for prompt in prompts or [""]]
    samples += [(first_prompt, seed) for seed in part.seeds[1:] if seed is not None]
    prompt_name, faults = choice.named("prompt"), list(_unable(choice, order))
    for prompt, seed in samples:
        full, wrong = catalog.examine_params(choice.model, _params(part, prompt, seed))
        fields = _fields(choice, order, prompts.get(prompt, "prompts"), seed)
        faults += [
            Fault(error=error, field=fields.get(error.field, f"params.{error.field}"), model=choice.name)
            for error in wrong
            if prompts or error.field != prompt_name  # that there is none is said for all models
        ]
    own = {prompt_name, choice.named("seed")}
    return replace(part, params={name: value for name, value in full.items() if name not in own}), faults


def _given(choice: Choice, order: BatchOrder, known: set[str]) -> Json:
    """The parameters that are for this model, or for none; and the options under its own names for them."""
    own = {name: value for name, value in order.params.items() if name in choice.properties or name not in known}
    named = {choice.named(role): value for role, value in order.options.items()}
    return own | {name: _fitting(choice.properties[name], value) for name, value in named.items() if name is not None}


def _fields(choice: Choice, order: BatchOrder, prompt: str, seed: int | None) -> dict[str | None, str]:
    """What the model's parameters are in the order, where they are something else there."""
    fields: dict[str | None, str] = {choice.named(role): f"options.{role}" for role in order.options}
    fields[choice.named("prompt")] = prompt
    if seed in order.seeds:
        fields[choice.named("seed")] = f"seeds.{order.seeds.index(seed)}"
    return fields


def _unable(choice: Choice, order: BatchOrder) -> Iterator[Fault]:
    """What is asked for and a model cannot do."""
    for role in order.options:
        if choice.named(role) is None:
            error = Invalid(
                "{model} cannot be given {option}. Leave that out, or choose another model.",
                field=role,
                model=choice.model.title,
                option=OPTIONS[role],
            )
            yield Fault(error=error, field=f"options.{role}", model=choice.name)
    if order.seeds and choice.named("seed") is None:
        error = Invalid(
            "{model} takes no seed. Leave the seeds out, or choose another model.",
            field="seeds",
            model=choice.model.title,
        )
        yield Fault(error=error, field="seeds", model=choice.name)


def _fitting(schema: Mapping[str, Any], value: JsonValue) -> JsonValue:
    """A common value as this model writes it: 5 seconds are "5" to some."""
    if schema["type"] == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    if schema["type"] in ("integer", "number") and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _seeds(choice: Choice, order: BatchOrder) -> tuple[int | None, ...]:
    """Those that are named; else from the one among the parameters on; else by chance."""
    if order.seeds:
        return tuple(dict.fromkeys(order.seeds))[: LIMITS.batch_takes + 1]
    n = min(max(0, order.n), LIMITS.variations)
    seed = order.params.get(choice.named("seed") or "")
    if isinstance(seed, float) and seed.is_integer():  # as forms and JavaScript write it
        seed = int(seed)
    if type(seed) is not int:  # True would be one
        return (None,) * n
    return tuple((seed + i) % SEEDS if 0 <= seed < SEEDS else seed for i in range(n))


def _params(part: Part, prompt: str, seed: int | None) -> Json:
    """A take's parameters. A seed by chance is one that the model takes."""
    params = dict(part.params)
    prompt_name, seed_name = part.choice.named("prompt"), part.choice.named("seed")
    if prompt_name is not None:
        params[prompt_name] = prompt
    if seed_name is not None and (seed is not None or params.get(seed_name) is None):
        params[seed_name] = _by_chance(part.choice.properties[seed_name]) if seed is None else seed
    return params


def _by_chance(schema: Mapping[str, Any]) -> int:
    least, most = int(schema.get("minimum", 0)), int(schema.get("maximum", SEEDS - 1))
    return least + secrets.randbelow(min(most - least + 1, SEEDS))


def unusable_inputs(
    choice: Choice,
    project_id: UUID,
    inputs: Sequence[BatchInput],
    sources: Mapping[UUID, Take],
    *,
    is_reachable: bool = True,
) -> Iterator[Fault]:
    """What a model minds about the inputs: each has to be a take of this project that is here, of the right kind, and one
    that can be brought there. `is_reachable`: whether a provider can fetch files from here.
    """
    title = choice.model.title
    for place, used in enumerate(inputs):
        declared = next((i for i in choice.model.inputs if i.role == used.role), None)
        source = sources.get(used.asset_id) if used.asset_id else None
        if declared is None:
            error = Invalid("{model} takes no {role}.", field="inputs", model=title, role=used.role.replace("_", " "))
        elif source is None or source.project_id != project_id:
            error = Invalid("Choose a take of this project as input.", field="inputs")
        elif source.status is not Status.COMPLETED or source.asset_type != declared.kind.upper():
            error = Invalid("The input must be a finished {kind}.", field="inputs", kind=declared.kind)
        elif declared.sent_as == "url" and not is_reachable:
            error = Invalid(
                "{model} fetches what it starts from by itself, and nobody outside can reach this server. Set APOM_PUBLIC_URL "
                "to an address that can be reached, or choose another model.",
                field="inputs",
                model=title,
            )
        elif not fits(source.mime or "", source.bytes or 0, declared.mimes, declared.max_mb):
            error = Invalid(
                "{model} takes {mimes} of at most {most} MB here, and this one cannot be made so. Choose another.",
                field="inputs",
                model=title,
                mimes=", ".join(declared.mimes),
                most=f"{declared.max_mb:g}",
            )
        else:
            continue
        yield Fault(error=error, field=f"inputs.{place}", model=choice.name)
    for declared in choice.model.inputs:
        count = sum(used.role == declared.role for used in inputs)
        if count < declared.min:
            error = Invalid("{model} needs a {kind} to start from.", field="inputs", model=title, kind=declared.kind)
        elif count > declared.max:
            error = Invalid("{model} takes at most {most}.", field="inputs", model=title, most=declared.max)
        else:
            continue
        yield Fault(error=error, field="inputs", model=choice.name)


def reasons(faults: Iterable[Fault], language: str) -> tuple[Reason, ...]:
    """Faults in a reader's words; what several models mind in the same words is said once."""
    found: dict[tuple[str | None, str], Reason] = {}
    for fault in faults:
        detail = say(fault.error, language)
        reason = Reason(code=fault.error.code, detail=detail, field=fault.field, model=fault.model)
        before = found.get((fault.field, detail), reason)
        shared = before if before.model == reason.model else reason.model_copy(update={"model": None})
        found[fault.field, detail] = shared
    return tuple(found.values())
