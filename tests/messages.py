"""The messages of apom, found in its source: `python -m tests.messages` brings the catalogues of `locale/` up to date.

Babel's own extraction reads tokens; this one reads the syntax tree, because a sentence often stands in a constant, in
a table, or in one arm of a condition.
"""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from apom import errors
from apom.words import LANGUAGES, LOCALE

ROOT = Path(__file__).parents[1]
TESTING = ROOT / "apom" / "testing"
ERRORS = {name for name, it in vars(errors).items() if isinstance(it, type) and issubclass(it, errors.ApomError)}
SINGLE = {"_", "N_", "Gone", "NotTaken", *ERRORS} - {"Refused", "ProviderError"}
PAIRS = {"plural", "forms"}
BEGUN = datetime(2026, 11, 28, tzinfo=UTC)  # always the same: a catalogue's file changes when a message does
Message = str | tuple[str, str]


def po(code: str) -> Path:
    """Where the catalogue of a language lies."""
    return LOCALE / code / "LC_MESSAGES" / "apom.po"


def messages() -> set[Message]:
    """Every message of the source; one that counts as (one, many)."""
    sources = [ROOT / "app.py", *(ROOT / "apom").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    kept = sorted(path for path in sources if TESTING not in path.parents)
    trees = {path: ast.parse(path.read_text("utf-8")) for path in kept}
    everywhere = _constants(trees.values())
    found: set[Message] = set()
    for tree in trees.values():
        named = everywhere | _constants([tree])
        found |= {message for node in ast.walk(tree) for message in _of(node, named)}
    found |= set(_sentences(trees[ROOT / "apom" / "errors.py"]))
    found |= set(_parameters())
    counted = {one for pair in found if isinstance(pair, tuple) for one in pair}
    return {message for message in found if isinstance(message, tuple) or message not in counted}


def _constants(trees: Iterable[ast.Module]) -> dict[str, list[ast.expr]]:
    """What names at the top of modules stand for."""
    named: dict[str, list[ast.expr]] = {}
    for tree in trees:
        for node in tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            for target in targets:
                if isinstance(target, ast.Name) and value is not None:
                    named.setdefault(target.id, []).append(value)
    return named


def _of(node: ast.AST, named: dict[str, list[ast.expr]]) -> Iterator[Message]:
    if isinstance(node, ast.Tuple) and len(node.elts) == 2 and all(map(_is_marked, node.elts)):
        one, many = (_text(each) for each in node.elts)
        if "{n}" in many:
            yield one, many
    if not isinstance(node, ast.Call):
        return
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name == "SystemKey":
        yield from (_text(each.value) for each in node.keywords if each.arg == "help")
    if name in PAIRS and len(node.args) >= 2 and all(map(_text, node.args[:2])):
        yield _text(node.args[0]), _text(node.args[1])
    if name in SINGLE and node.args:
        yield from _texts(node.args[0], named)


def _is_marked(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_"


def _text(node: ast.expr) -> str:
    """The text that stands there, marked or not; nothing if it is none."""
    if _is_marked(node):
        return _text(node.args[0])  # type: ignore[attr-defined]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    """Every text that may stand there."""
    if _text(node):
        yield _text(node)
        return
    match node:
        case ast.IfExp(body=body, orelse=other):
            within = [body, other]
        case ast.BoolOp(values=values) | ast.Dict(values=values):
            within = values
        case ast.Subscript(value=value):
            within = [value]
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=args):
            within = [table, *args[1:]]
        case ast.Name(id=name) if name.isupper():
            within = named.get(name, [])
        case _:
            within = []
    for each in within:
        yield from _texts(each, named)


def _parameters() -> Iterator[str]:
    """What the parameters of the shipped models are called and explained by, in the forms."""
    for path in sorted((ROOT / "providers").glob("*.json")):
        if path.name != "schema.json":
            yield from _titles(json.loads(path.read_text("utf-8")))


def _titles(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _titles(each)
    elif isinstance(value, dict):
        properties = value.get("properties")
        for schema in properties.values() if isinstance(properties, dict) else ():
            yield from (schema[name] for name in ("title", "description") if schema.get(name))
        yield from _titles(list(value.values()))


def _sentences(tree: ast.Module) -> Iterator[str]:
    """What the errors say by themselves: no docstring, and more than a word."""
    said = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in said and " " in str(node.value) and _text(node).strip():
            yield _text(node)


def read(code: str) -> Catalog:
    """The catalogue of a language as it is kept; a new one begins empty."""
    path = po(code)
    return read_po(io.BytesIO(path.read_bytes()), locale=code) if path.exists() else Catalog(locale=code)


def renewed(old: Catalog) -> Catalog:
    """What the source says now, with the translations that there are."""
    new = Catalog(
        locale=old.locale,
        header_comment="",
        project="apom",
        version="1",
        msgid_bugs_address="apom",
        last_translator="apom",
        language_team="apom",
        fuzzy=False,
        creation_date=BEGUN,
        revision_date=BEGUN,
    )
    for message in sorted(messages(), key=strings):
        known = old.get(message)
        new.add(message, known.string if known is not None and known.id == message else None)
    return new


def as_po(catalog: Catalog) -> bytes:
    """The text that people edit: in the order of the English, without places in the source, which change daily."""
    file = io.BytesIO()
    write_po(file, catalog, width=0, ignore_obsolete=True)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """What gettext reads."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def missing(catalog: Catalog) -> list[Message]:
    """What nobody has translated yet, in every form that the language has."""
    return [message.id for message in catalog if message.id and not all(strings(message.string))]


def strings(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """The forms of a message, one or several."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def main() -> None:
    """Brings every catalogue up to date and says what is to be translated."""
    for code in LANGUAGES:
        if code == "en":
            continue
        catalog = renewed(read(code))
        path = po(code)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_po(catalog))
        path.with_suffix(".mo").write_bytes(as_mo(catalog))
        print(f"{path}: {len(catalog)} messages")
        for message in missing(catalog):
            print(f"  to be translated: {message!r}")


if __name__ == "__main__":
    main()
