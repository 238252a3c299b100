"""What a provider file has to keep beyond its shape: each placeholder is provided, each model fits its own schema.

Found when the file is loaded, not when money is spent. Every finding is (place, what is wrong and how to mend it).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TypeAlias

from pydantic import JsonValue, ValidationError

from apom.errors import Invalid
from apom.providers import parameters, template
from apom.providers.spec import Model, Poll, ProviderSpec, Request, Submit

Finding: TypeAlias = tuple[str, str]

FILE = "{{input.file}}"  # the bytes themselves: a whole field of a multipart body
UPLOAD_NAMES = ("input.filename", "input.mime")


def findings(spec: ProviderSpec) -> Iterator[Finding]:
    """Everything that is wrong with a file whose shape is right."""
    if spec.upload is not None:
        yield from _upload(spec.upload.request)
    if spec.account is not None:
        yield from _names("account.request", spec.account.request, ())
    for i, model in enumerate(spec.models):
        for place, reason in _model(spec, model):
            yield f"models[{i}]{place}", reason
        if [m.name for m in spec.models].count(model.name) > 1:
            yield f"models[{i}].name", f"there are two models {model.name!r}"


def of_shape(error: ValidationError, at: str = "") -> Iterator[Finding]:
    """A wrong shape, said the same way."""
    plain = {
        "missing": "this is missing",
        "extra_forbidden": "there is no such field; see schema.json for those there are",
    }
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in found["loc"])
        place = (at + "".join(steps)) if at else "".join(steps).removeprefix(".")
        yield place or "the file", plain.get(found["type"], found["msg"].removeprefix("Value error, "))


def _upload(request: Request) -> Iterator[Finding]:
    fields = request.multipart or {}
    if FILE not in fields.values():
        yield "upload.request.multipart", f"one field has to be {FILE}"
    others = {name: value for name, value in fields.items() if value != FILE}
    yield from _names("upload.request", request.model_copy(update={"multipart": others}), UPLOAD_NAMES)


def _model(spec: ProviderSpec, model: Model) -> Iterator[Finding]:
    if (model.evidence or spec.evidence).level == "memory" and model.is_active:
        yield ".is_active", "what is only remembered ships inactive: set it to false, or give better evidence"
    if model.price is not None and spec.cost is not None and model.price.unit != spec.cost.unit:
        yield ".price.unit", f"what it costs in the end is told in {spec.cost.unit!r}: the estimate is in the same unit"
    if "auth" in model.result:
        yield ".result.auth", "whether fetching takes the key is said once, under the provider's result"
    yield from _inputs(spec, model)
    yield from _parameters(model)
    broken = list(_blocks(spec, model))
    yield from broken
    if not broken:
        yield from _placeholders(spec, model)


def _blocks(spec: ProviderSpec, model: Model) -> Iterator[Finding]:
    """The provider's blocks with the model's own laid over them."""
    blocks = {"submit": model.submit_block, "poll": model.poll_block, "result": model.result_block}
    for name, block in blocks.items():
        try:
            block(spec)
        except ValidationError as error:
            yield from of_shape(error, f".{name} (over the provider's)")


def _placeholders(spec: ProviderSpec, model: Model) -> Iterator[Finding]:
    submit, poll = model.submit_block(spec), model.poll_block(spec)
    params = [f"param.{name}" for name in model.parameters.properties]
    inputs = [f"inputs.{each.name}" for each in model.inputs]
    yield from _names(".submit.request", submit.request, ("model", "client_id", "callback_url", *params, *inputs))
    yield from _files(submit.request, model)
    tasks = [f"task.{name}" for name in (*submit.take, *(poll.take if poll else ()))]
    if poll is None:
        yield from _at_once(spec, model, submit)
    else:
        yield from _polled(spec, submit, poll, tasks)
    for i, fetch in enumerate(model.fetches(spec)):
        yield from _names(f".fetch[{i}].request", fetch.request, ("model", *tasks))
        tasks += [f"task.{name}" for name in fetch.take]
    result = model.result_block(spec)
    if result.request is not None:
        yield from _names(".result.request", result.request, ("model", "item", *tasks))


def _files(request: Request, model: Model) -> Iterator[Finding]:
    """The bytes themselves travel in a multipart body only, as a whole field."""
    fields = (request.multipart or {}).values()
    for each in model.inputs:
        if each.sent_as == "file" and not any(
            re.fullmatch(rf"\{{\{{\s*inputs\.{each.name}(\[\d\])?\s*\}}\}}", f) for f in fields
        ):
            yield (
                ".submit.request.multipart",
                f"one field has to be {{{{inputs.{each.name}}}}}, which is sent as a file",
            )


def _at_once(spec: ProviderSpec, model: Model, submit: Submit) -> Iterator[Finding]:
    """Without a poll the answer to the submission is the result, and there is nothing to ask for later."""
    for name, there in (
        ("submit.state", submit.state),
        ("submit.lookup", submit.lookup),
        ("fetch", model.fetches(spec)),
    ):
        if there:
            yield f".{name}", "it needs a poll block, which this model does not have"


def _polled(spec: ProviderSpec, submit: Submit, poll: Poll, tasks: Collection[str]) -> Iterator[Finding]:
    if not submit.take:
        yield ".submit.take", "the poll needs to know what to ask for: take at least the task's id from the answer"
    yield from _names(".poll.request", poll.request, ("model", *tasks))
    if spec.cancel is not None:
        yield from _names(".cancel.request", spec.cancel.request, ("model", *tasks))
    yield from _again(submit, poll)


def _again(submit: Submit, poll: Poll) -> Iterator[Finding]:
    """What is promised for a submission whose answer was lost has to be possible."""
    is_marked = "client_id" in _all_names(submit.request)
    if (submit.replay == "same_key" or submit.lookup is not None) and not is_marked:
        yield ".submit.request", "replay and lookup need {{client_id}} in it, so that the provider knows it again"
    if submit.lookup is None:
        return
    yield from _names(".submit.lookup.request", submit.lookup.request, ("model", "client_id"))
    if "client_id" not in _all_names(submit.lookup.request):
        yield ".submit.lookup.request", "it has to ask by {{client_id}}"
    if submit.lookup.proves_absence and submit.lookup.missing is None:
        yield ".submit.lookup.missing", "without it nothing can be proved to be absent"
    lacking = sorted((task_names(poll.request) & set(submit.take)) - set(submit.lookup.take))
    if lacking:
        yield ".submit.lookup.take", f"the poll needs {lacking[0]!r} too"


def _inputs(spec: ProviderSpec, model: Model) -> Iterator[Finding]:
    for what in ("name", "role"):
        given = [getattr(each, what) for each in model.inputs]
        if len(set(given)) < len(given):
            yield ".inputs", f"each input needs a {what} of its own"
    if any(each.sent_as == "upload" for each in model.inputs) and spec.upload is None:
        yield ".inputs", "they are uploaded, and the file has no upload block"


def _parameters(model: Model) -> Iterator[Finding]:
    schema, properties = model.parameters_schema, model.parameters.properties
    unknown = sorted(set(model.parameters.required) - set(properties))
    if unknown:
        yield ".parameters_schema.required", f"{unknown[0]!r} is not among the properties"
    roles = [p.x_role for p in properties.values() if p.x_role is not None]
    if len(set(roles)) < len(roles):
        yield ".parameters_schema", "two parameters have the same x-role"
    try:
        parameters.check_schema(schema)
        parameters.check({**schema, "required": []}, {}, model=model.title)
    except (Invalid, ValueError) as error:
        yield ".parameters_schema", f"{error}"


def _names(place: str, request: Request, known: Collection[str]) -> Iterator[Finding]:
    """Placeholders of a request that nothing provides."""
    for part, tree in _templates(request).items():
        for name in template.names(tree):
            if not any(name == each or name.startswith((f"{each}.", f"{each}[")) for each in known):
                offered = ", ".join(known) or "none"
                yield f"{place}.{part}", f"nothing provides {{{{{name}}}}}; there are: {offered}"


def _templates(request: Request) -> dict[str, JsonValue]:
    return {
        "path": request.path,
        "url": request.url,
        "query": dict(request.query),
        "headers": dict(request.headers),
        "json": request.body,
        "multipart": dict(request.multipart or {}),
    }


def _all_names(request: Request) -> set[str]:
    return {name for tree in _templates(request).values() for name in template.names(tree)}


def task_names(request: Request) -> set[str]:
    """What of the task a request needs: the NAMEs of its `{{task.NAME}}`."""
    found = (re.fullmatch(r"task\.(\w+).*", name) for name in _all_names(request))
    return {match[1] for match in found if match}
