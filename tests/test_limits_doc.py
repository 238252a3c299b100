"""docs/limits.md says what apom.config says."""

from __future__ import annotations

from pathlib import Path

from apom.config import Limits

DOC = Path(__file__).parent.parent / "docs" / "limits.md"


def test_the_table_of_limits_is_the_one_in_the_code() -> None:
    rows = [line for line in DOC.read_text("utf-8").splitlines() if line.startswith("| ")][2:]
    assert rows == [
        f"| {name} | {field.default:,} | {field.description} |" for name, field in Limits.model_fields.items()
    ]
