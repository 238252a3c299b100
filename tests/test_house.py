"""The house keeps its rules: heavy libraries have one home, `import apom` is light, pages hold functions only."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOMES = {
    "duckdb": {"apom/store"},
    "psycopg": {"apom/store"},
    "psycopg_pool": {"apom/store"},
    "PIL": {"apom/media", "apom/sandbox", "apom/export/animatic.py"},
    "av": {"apom/media", "apom/sandbox", "apom/export/animatic.py"},
    "pillow_heif": {"apom/media"},
    "python_multipart": {"apom/api/forms.py"},
    "httpx": {"apom/net"},
    "httpcore": {"apom/net"},
    "cryptography": {"apom/vault.py"},
    "smtplib": {"apom/net/mail.py"},
    "aiohttp": {"apom/net"},
    "websockets": {"apom/net"},
    "apscheduler": {"apom/engine"},
    "fastapi": {"apom/api", "apom/server/wiring.py"},
    "streamlit": {"apom/ui", "apom/server", "pages", "app.py"},
    "jmespath": {"apom/providers"},
    "jsonschema": {"apom/providers"},
    "pandas": {"apom/tables.py"},
    "IPython": {"apom/notebook/ipython.py"},
    "tqdm": {"apom/notebook/progress.py"},
    "markupsafe": {"apom/notebook"},
    "argon2": {"apom/accounts.py"},
    "docx": {"apom/export"},
    "fpdf": {"apom/export"},
    "xlsxwriter": {"apom/export"},
    "opentimelineio": {"apom/export"},
    "boto3": {"apom/media", "apom/testing/s3.py"},
    "botocore": {"apom/media", "apom/testing/s3.py"},
}
SOURCES = [ROOT / "app.py", *sorted((ROOT / "apom").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_each_heavy_library_has_one_home() -> None:
    wrong = []
    for path in SOURCES:
        where = path.relative_to(ROOT).as_posix()
        for library in imported(ast.parse(path.read_text("utf-8"))) & HOMES.keys():
            if not any(where == home or where.startswith(home + "/") for home in HOMES[library]):
                wrong.append(f"{where} imports {library}")
    assert wrong == []


@pytest.mark.parametrize("module", ["apom", "apom.models", "apom.errors", "apom.studio", "apom.cli"])
def test_what_is_imported_first_brings_nothing_heavy(module: str) -> None:
    heavy = [
        "streamlit",
        "pandas",
        "boto3",
        "duckdb",
        "psycopg",
        "PIL",
        "av",
        "httpx",
        "aiohttp",
        "fastapi",
        "apscheduler",
        "numpy",
        "argon2",
        "cryptography",
    ]
    code = f"import {module}, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.name)
def test_a_page_holds_functions_and_constants_only(path: Path) -> None:
    for node in ast.parse(path.read_text("utf-8")).body:
        allowed = isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef) or (
            isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) and t.id.isupper() for t in node.targets)
        )
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert allowed or is_docstring, ast.unparse(node)


def test_no_html_is_written_from_python_but_our_own_constants() -> None:
    for path in SOURCES:
        source = path.read_text("utf-8")
        assert "unsafe_allow_html" not in source and "unsafe_allow_javascript" not in source, path
        if "st.html" in source:
            assert path.name == "look.py"


# calls that render Markdown: what people wrote reaches them only through plain()
MARKDOWN = set(
    "write markdown caption title header subheader info warning error success toast button popover expander".split()
)


def test_pages_pass_only_their_own_words_to_calls_that_render_markdown() -> None:
    wrong = []
    for path in (*sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "apom/ui").glob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "st" and node.func.attr in MARKDOWN:
                text = ast.unparse(node.args[0])
                if not text.startswith(("_(", "plural(", "plain(", "'", '"')) and text not in (
                    "label",
                    "summary(project)",
                ):
                    wrong.append(f"{path.name}:{node.lineno}: {text}")
    assert wrong == []
