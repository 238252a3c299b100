"""`apom providers`, `apom models`: whom one generates with, and their keys. A key is never an argument."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from apom.cli.asking import secret
from apom.cli.command import WIDTH, Commands, Reply, command, group, table
from apom.cli.door import OperatorDoor, operator
from apom.config import Settings, shipped
from apom.errors import Invalid, Misconfigured
from apom.models import AIModel, AIProvider, Json, KeyState


def add(commands: Commands) -> None:
    """Declares the commands."""
    providers = group(
        commands,
        "providers",
        "Set keys, try them, say whom one generates with.",
        "apom providers list\napom providers setup kie",
    )
    command(providers, "list", list_providers, "apom providers list\napom providers list --json")
    examples = "apom providers check\napom providers check my-provider.json"
    checked = command(providers, "check", check, examples)
    checked.add_argument("files", nargs="*", type=Path, metavar="FILE", help="those that came with apom by default")
    command(providers, "sync", sync, "apom providers sync")
    for name, act, examples in (
        ("setup", setup, "apom providers setup kie\napom providers setup kie < key.txt"),
        ("set-key", set_key, "apom providers set-key kie\napom providers set-key kling --name KLING_SECRET_KEY"),
        ("remove-key", remove_key, "apom providers remove-key kie"),
    ):
        parser = command(providers, name, act, examples)
        parser.add_argument("provider", help="as `apom providers list` calls it")
        parser.add_argument("--name", metavar="NAME", help="which key, where a provider has several")
    edited = command(providers, "edit", edit, "apom providers file kie > kie.json\napom providers edit kie kie.json")
    edited.add_argument("provider", help="whom, or a new one's name")
    edited.add_argument("file", type=Path, metavar="FILE", help="its file from now on")
    acts = (("test", test), ("enable", enable), ("disable", disable), ("file", file), ("reset", reset))
    for name, act in acts:
        command(providers, name, act, f"apom providers {name} kie").add_argument("provider", help="whom")
    examples = "apom providers address comfyui http://10.0.0.5:8188 --private\napom providers address comfyui --private"
    parser = command(providers, "address", address, examples)
    parser.add_argument("provider", help="whom")
    parser.add_argument("url", nargs="?", metavar="URL", help="the one of its file by default")
    parser.add_argument("--private", action="store_true", help="it may lie in a private network, and be asked by http")
    command(commands, "models", models, "apom models\napom models --json")


def list_providers(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show every provider: its key, what is in the way, what the first paid take costs."""
    with operator(settings) as door:
        return _all(door.providers())


def sync(settings: Settings, _: argparse.Namespace) -> Reply:
    """Read the provider files again, as after an update.

    What an admin edited is kept; the list says in what it differs from the file that came with apom.
    """
    with operator(settings) as door:
        return _all(door.sync_providers())


def check(_: Settings, arguments: argparse.Namespace) -> Reply:
    """Check provider files, and say what is wrong and where. Exit code 1 when something is."""
    from apom.providers import catalog

    files: Sequence[Path] = arguments.files or catalog.files(shipped("providers"))
    wrong = {str(file): said for file in files if (said := _fault(file)) is not None}
    lines = [line for said in wrong.values() for line in textwrap.wrap(said, WIDTH, break_on_hyphens=False)]
    document: Json = {"checked": len(files), "wrong": dict(wrong)}
    summary = f"checked: {len(files)}, wrong: {len(wrong)}"
    return Reply(document=document, lines=[*lines, summary], code=1 if wrong else 0)


def _fault(file: Path) -> str | None:
    from apom.providers import catalog

    try:
        catalog.read(file)
    except Misconfigured as error:
        return str(error)
    return None


def set_key(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Keep a provider's key, encrypted.

    It is asked for, or read from standard input: an argument could be seen by others.
    """
    key = secret("Key")
    with operator(settings) as door:
        return _one(door.set_key(arguments.provider, key, name=arguments.name))


def remove_key(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Forget a stored key. One that comes from the environment stays."""
    with operator(settings) as door:
        return _one(door.remove_key(arguments.provider, name=arguments.name))


def setup(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Set a provider up: ask for its keys, keep them, try them, show what credit is left.

    Keys are asked for, or read from standard input, one a line.
    """
    with operator(settings) as door:
        found = _named(door.providers(), arguments.provider)
        names = [arguments.name] if arguments.name else [state.name for state in found.keys]
        for name in names:
            found = door.set_key(found.slug, secret(name), name=name)
        if not found.is_active:
            found = door.set_active(found.slug, True)
        return _tried(door, found) if found.can_be_tested else _one(found)


def test(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Ask a provider what credit is left: free, and it shows whether the key works."""
    with operator(settings) as door:
        found = door.test_provider(arguments.provider)
    return Reply(document=found.model_dump(mode="json"), lines=[found.says])


def file(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Print a provider's file: the one an admin edited, else the one that came with apom."""
    with operator(settings) as door:
        text = door.provider_file(arguments.provider)
    return Reply(document={"definition": text}, lines=text.splitlines())


def edit(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Give a provider another file, or make a new provider. It is checked first; what is in flight goes on as it began.

    `apom generate --dry-run` shows what would be sent, and `apom providers reset` brings the shipped file back.
    """
    try:
        text = arguments.file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("{file} cannot be read: {why}", field="file", file=arguments.file, why=error) from error
    with operator(settings) as door:
        return _one(door.edit_provider(arguments.provider, text))


def reset(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Bring back the file and the address that came with apom. A provider that did not come with it is gone."""
    with operator(settings) as door:
        door.reset_provider(arguments.provider)
        return _all(door.providers())


def enable(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Offer a provider's models."""
    with operator(settings) as door:
        return _one(door.set_active(arguments.provider, True))


def disable(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Offer a provider's models no longer. What is in flight goes on."""
    with operator(settings) as door:
        return _one(door.set_active(arguments.provider, False))


def address(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Say where a provider is, when not where its file says: a proxy, a machine of your own.

    Its key goes there from now on. Without a URL it is where its file says.
    """
    with operator(settings) as door:
        return _one(door.set_address(arguments.provider, arguments.url, may_be_private=arguments.private))


def models(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show what can be generated with: the models of the providers whose keys are set."""
    with operator(settings) as door:
        found = door.models()
    return Reply(
        document=[model.model_dump(mode="json", exclude={"parameters_schema"}) for model in found],
        lines=_fit(table([(f"{m.provider}/{m.name}", m.model_type.lower(), _price(m), m.title) for m in found])),
    )


def _price(model: AIModel) -> str:
    return _cost(model.price) if model.price else "price unknown"


def _cost(price: Json) -> str:
    amount = price["amount"]
    return f"{amount:g} {price['unit']}" if isinstance(amount, int | float) else ""


def _named(providers: Iterable[AIProvider], slug: str) -> AIProvider:
    found = next((each for each in providers if each.slug == slug), None)
    if found is None:
        raise Invalid("There is no provider {slug}. All of them: apom providers list", field="provider", slug=slug)
    return found


def _tried(door: OperatorDoor, provider: AIProvider) -> Reply:
    said = door.test_provider(provider.slug)
    return Reply(
        document={"provider": provider.model_dump(mode="json"), "test": said.model_dump(mode="json")},
        lines=[*_lines([provider]), said.says],
    )


def _one(provider: AIProvider) -> Reply:
    return Reply(document=provider.model_dump(mode="json"), lines=_lines([provider]))


def _all(providers: Sequence[AIProvider]) -> Reply:
    return Reply(document=[each.model_dump(mode="json") for each in providers], lines=_lines(providers))


def _lines(providers: Sequence[AIProvider]) -> list[str]:
    """A row each, and what has to be said below it."""
    rows = _fit(table([_row(each) for each in providers])) if providers else []
    return [line for row, each in zip(rows, providers, strict=True) for line in (row, *_remarks(each))]


def _row(provider: AIProvider) -> tuple[str, ...]:
    state = "ready" if provider.is_usable else "off" if not provider.is_active else "not ready"
    return (
        provider.slug,
        state,
        f"{len(provider.models)} models",
        ", ".join(map(_key, provider.keys)) or "no key needed",
    )


def _key(state: KeyState) -> str:
    if state.source == "missing":
        return f"{state.name} missing"
    if not state.is_usable:
        return f"{state.name} cannot be read"
    ends = f"····{state.ends}" if state.ends else "set"
    return f"{state.name} {ends}{' from the environment' if state.source == 'environment' else ''}"


def _remarks(provider: AIProvider) -> list[str]:
    said = [provider.says] if provider.says else []
    if provider.first_paid_price:
        said.append(f"The first paid take costs {_cost(provider.first_paid_price)} ({provider.first_paid}).")
    if provider.is_base_url_changed:
        said.append(f"It is asked at {provider.base_url}.")
    if provider.differs:
        said.append(f"Edited: {', '.join(provider.differs)}.")
    if provider.is_shipped_newer:
        said.append("The file that came with apom has changed since it was edited.")
    if not provider.is_shipped:
        said.append("It did not come with apom.")
    return [line for text in said for line in textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")]


def _fit(lines: Sequence[str]) -> list[str]:
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines]
