"""The provider files that are there, and the models they offer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path

from pydantic import JsonValue, ValidationError

from apom.errors import Invalid, Misconfigured
from apom.models import AIModel, AssetType, Json
from apom.providers import parameters, rules
from apom.providers.rules import Finding
from apom.providers.spec import Model, ProviderSpec, Worth

SCHEMA = "schema.json"
FINDINGS_SHOWN = 3


@lru_cache(maxsize=128)
def parse(text: str, *, file: str) -> ProviderSpec:
    """What a provider file says, once for the same text: to check one takes 10 ms, and it does not change.

    `file`: its name, for the message. Raises Misconfigured with place and mend.
    """
    try:
        spec = ProviderSpec.model_validate(json.loads(text))
    except ValidationError as error:
        raise _misconfigured(file, rules.of_shape(error)) from None
    except (ValueError, RecursionError) as error:
        raise _misconfigured(file, [("the file", f"it is not JSON: {error}")]) from None
    found = list(islice(rules.findings(spec), FINDINGS_SHOWN))
    if found:
        raise _misconfigured(file, found)
    return spec


def files(folder: Path) -> list[Path]:
    """Every provider file of a folder, by name."""
    return sorted(path for path in folder.glob("*.json") if path.name != SCHEMA)


def read(path: Path) -> ProviderSpec:
    """What the file at `path` says; its name is the provider's. Raises Misconfigured."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _misconfigured(path.name, [("the file", f"it cannot be read: {error}")]) from None
    spec = parse(text, file=path.name)
    if spec.id != path.stem:
        raise _misconfigured(path.name, [("id", f"it has to be the file's name, {path.stem!r}")])
    return spec


def usable(folder: Path) -> tuple[dict[str, ProviderSpec], dict[str, Misconfigured]]:
    """What the files of a folder say, and what is wrong with the others: one mistake must not take everything away."""
    specs, faults = {}, {}
    for path in files(folder):
        try:
            specs[path.stem] = read(path)
        except Misconfigured as error:
            faults[path.stem] = error
    return specs, faults


def _misconfigured(file: str, findings: Iterable[Finding]) -> Misconfigured:
    shown = "; ".join(f"{place}: {reason}" for place, reason in islice(findings, FINDINGS_SHOWN))
    return Misconfigured("The provider file {file} cannot be used. {findings}.", file=file, findings=shown)


def canonical(spec: ProviderSpec) -> str:
    """The content of a file in one form, whatever its spaces and order of keys."""
    content = spec.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"schema_"})
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def from_snapshot(text: str) -> ProviderSpec:
    """The spec a generation was made with. Its rules were checked then: one that came later must not strand a paid take."""
    return ProviderSpec.model_validate_json(text)


class Catalog:
    """Provider files by slug, and why one of them cannot be used just now.

    What is offered may change while people work: `become`. Who asks several things that have to fit together asks
    `at_this_moment()`.
    """

    def __init__(self, specs: Mapping[str, ProviderSpec], hindrances: Mapping[str, Invalid] | None = None) -> None:
        self._now = (specs, hindrances or {})

    @property
    def specs(self) -> Mapping[str, ProviderSpec]:
        """Every provider by slug, those that cannot be used too."""
        return self._now[0]

    @classmethod
    def load(cls, folder: Path) -> Catalog:
        """Reads every `*.json` of a folder but the schema. Raises Misconfigured for the first that cannot be used."""
        return cls(specs={path.stem: read(path) for path in files(folder)})

    def become(self, specs: Mapping[str, ProviderSpec], hindrances: Mapping[str, Invalid]) -> None:
        """Another content, from now on, for whoever holds this catalogue."""
        self._now = (specs, hindrances)

    def in_reach(self) -> list[ProviderSpec]:
        """The providers that can be asked just now: switched on, with what they need."""
        specs, hindrances = self._now
        return [spec for slug, spec in specs.items() if slug not in hindrances]

    def at_this_moment(self) -> Catalog:
        """The same, and it stays so."""
        return Catalog(*self._now)

    def models(self) -> tuple[AIModel, ...]:
        """What can be generated with, as the prompt form sees it."""
        usable = self.in_reach()
        usable.sort(key=lambda spec: not spec.is_play)  # what is chosen without a thought costs nothing
        return tuple(offer(spec, model) for spec in usable for model in spec.models if model.is_active)

    def find(self, provider: str, model: str) -> Model:
        """A model that can be generated with. Raises Invalid, which says what is in the way."""
        spec = self._spec(provider)
        found = spec.model(model)
        if not found.is_active:
            raise Invalid("{model} is switched off. Choose another model.", field="model", model=found.title)
        hindrance = self._now[1].get(provider)
        if hindrance is not None:
            raise Invalid(hindrance.message, field="model", **hindrance.values)
        return found

    def worth(self, slug: str) -> tuple[bool, Worth | None]:
        """(whether its prices are for play, what one of its units costs in money). Raises Invalid."""
        spec = self._spec(slug)
        return spec.is_play, spec.cost.worth if spec.cost else None

    def snapshot(self, slug: str) -> tuple[str, str]:
        """(SHA-256, content) of a provider file, for `from_snapshot`. Raises Invalid."""
        text = canonical(self._spec(slug))
        return hashlib.sha256(text.encode()).hexdigest(), text

    @staticmethod
    def check_params(model: Model, params: Mapping[str, JsonValue]) -> Json:
        """The parameters with defaults filled in. Raises Invalid with the field and a sentence."""
        return parameters.check(model.parameters_schema, params, model=model.title)

    @staticmethod
    def examine_params(model: Model, params: Mapping[str, JsonValue]) -> tuple[Json, list[Invalid]]:
        """As `check_params`, with everything that is wrong instead of the first."""
        return parameters.examine(model.parameters_schema, params, model=model.title)

    def _spec(self, slug: str) -> ProviderSpec:
        found = self.specs.get(slug)
        if found is None:
            raise Invalid("There is no provider {provider}. Choose another model.", field="model", provider=slug[:40])
        return found


def offer(spec: ProviderSpec, model: Model) -> AIModel:
    """A model as people see it."""
    return AIModel(
        provider=spec.id,
        provider_title=spec.name,
        name=model.name,
        title=model.title,
        model_type=AssetType(model.model_type),
        parameters_schema=model.parameters_schema,
        inputs=tuple(each.model_dump(mode="json", by_alias=True) for each in model.inputs),
        price=None if model.price is None else model.price.model_dump(mode="json"),
        is_play=spec.is_play,
        terms=None if model.terms is None else model.terms.model_dump(mode="json"),
    )
