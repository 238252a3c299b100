"""The messages of apom, found in its source: `python -m tests.messages` brings the catalogues of `locale/` up to date.

Babel's own extraction reads tokens; this one reads the syntax tree, because a sentence often stands in a constant, in
a table, or in one arm of a condition.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable, Iterator
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
Message = str | tuple[str, str]


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
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, named)
        yield from _texts(node.orelse, named)
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _texts(each, named)
    elif isinstance(node, ast.Subscript):
        yield from _texts(node.value, named)
    elif isinstance(node, ast.Dict):
        for each in node.values:
            yield from _texts(each, named)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        for each in (node.func.value, *node.args[1:]):
            yield from _texts(each, named)
    elif isinstance(node, ast.Name) and node.id.isupper():
        for value in named.get(node.id, ()):
            yield from _texts(value, {})


def _sentences(tree: ast.Module) -> Iterator[str]:
    """What the errors say by themselves: no docstring, and more than a word."""
    said = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in said and " " in str(node.value) and _text(node).strip():
            yield _text(node)


def read(code: str) -> Catalog:
    """The catalogue of a language as it is kept."""
    with (LOCALE / code / "LC_MESSAGES" / "apom.po").open("rb") as file:
        return read_po(file, locale=code)


def renewed(old: Catalog) -> Catalog:
    """The catalogue with what the source says now, and the translations that fit."""
    new = Catalog(locale=old.locale, project="apom", header_comment=old.header_comment, fuzzy=False)
    for message in sorted(messages(), key=str):
        known = old.get(message)
        same = known is not None and (known.id == message)
        new.add(message, known.string if same else None)
    return new


def as_po(catalog: Catalog) -> bytes:
    """The text that people edit: in the order of the English, without places in the source, which change daily."""
    file = io.BytesIO()
    write_po(file, catalog, width=0, omit_header=False, include_previous=False)
    return file.getvalue()
