"""The notebooks we ship run from the first cell to the last, as a reader runs them, and keep no secret."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from kernel import ROOT, outputs, run

from apom import testing
from apom.config import Settings
from apom.studio import Studio

PASSWORD = "seven tall ships at dawn"
QUICK = {"APOM_SANDBOX_IMAGE_S": "0.1", "APOM_SANDBOX_VIDEO_S": "0.1"}
SHIPPED = sorted((ROOT / "notebooks").glob("*.ipynb"))


def pictures(drawn: list[dict[str, str]]) -> list[str]:
    return [html for output in drawn if "data:image/webp;base64," in (html := output.get("text/html", ""))]


def secrets_nowhere(folder: Path, *secrets: str) -> None:
    """Neither in what a notebook shows nor in what the kernel wrote down."""
    written = [path for path in folder.rglob("*") if path.is_file() and "data" not in path.relative_to(folder).parts]
    assert any(path.name == "history.sqlite" for path in written), "the kernel keeps a history"
    for secret in secrets:
        assert [path for path in written if secret.encode() in path.read_bytes()] == []


def test_the_usage_example_runs_with_a_password_that_is_typed_and_seen_nowhere(tmp_path: Path) -> None:
    notebook, asked = run(SHIPPED[0], tmp_path, words=PASSWORD, APOM_DATA_DIR=str(tmp_path / "data"), **QUICK)
    drawn = outputs(notebook)
    assert len(asked) == 2 and "through" not in drawn[0]["text/plain"]
    assert len(pictures(drawn)) >= 4
    assert any("<video controls" in output.get("text/html", "") for output in drawn)
    assert any("3 takes: 3 ready" in output["text/plain"] for output in drawn)
    assert any('class="dataframe"' in output.get("text/html", "") for output in drawn)
    assert "Take 2" in (favorites := pictures(drawn)[-1]) and "Clip" not in favorites, "toggled twice it is none"
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    secrets_nowhere(tmp_path, PASSWORD)
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
        assert studio.operator().users()[0].username == "alice", "the kernel has ended and let go of the store"


def test_the_first_clip_is_made_with_a_token_and_its_player_is_in_the_notebook(tmp_path: Path) -> None:
    with Studio.open(Settings(data_dir=tmp_path / "data"), engine=False) as studio:
        studio.register("alice", PASSWORD)
        _, secret = studio.operator().create_token("alice", "notebook")
    env = {"APOM_DATA_DIR": str(tmp_path / "data"), "APOM_TOKEN": secret, **QUICK}
    notebook, asked = run(SHIPPED[1], tmp_path, **env)
    players = [html for output in outputs(notebook) if "<video" in (html := output.get("text/html", ""))]
    assert asked == [] and len(players) == 1
    assert 'src="data:video/mp4;base64,' in players[0] and 'poster="data:image/webp;base64,' in players[0]
    assert "♥" in pictures(outputs(notebook))[-1] and "Headliner" in pictures(outputs(notebook))[-1]
    nbformat.write(notebook, tmp_path / "executed.ipynb")
    secrets_nowhere(tmp_path, PASSWORD, secret)


def test_a_notebook_goes_through_the_dashboard_that_holds_the_store(tmp_path: Path) -> None:
    quick = {name.removeprefix("APOM_").lower(): value for name, value in QUICK.items()}
    with testing.server(tmp_path / "data", **quick) as server:
        notebook, _ = run(SHIPPED[0], tmp_path, words=PASSWORD, APOM_DATA_DIR=str(tmp_path / "data"))
        first = outputs(notebook)[0]["text/plain"]
        assert server.url in first and len(first.splitlines()) == 1
        assert len(pictures(outputs(notebook))) >= 4
    secrets_nowhere(tmp_path, PASSWORD)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_notebook_holds_no_outputs_and_no_password(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "password=" not in path.read_text("utf-8")
    nbformat.validate(notebook)
