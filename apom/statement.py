"""A statement as CSV that a spreadsheet opens and never runs.

RFC 4180: commas, CRLF, quotes where they are needed, a header. Faces that hand out a file put a byte order mark before it
(`MARK`): without one, Excel reads UTF-8 as the code page of the machine. Numbers have a point and no thousands.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from apom.models import StatementRow

MARK = "\ufeff"
HEADER = "month provider project project_id person user_id takes unit units play currency amount unpriced".split()
RUNS = frozenset("=+-@\t\r\n" + "＝＋－＠")  # what makes a cell a formula (OWASP, CSV injection), full-width forms too


def csv_text(rows: Iterable[StatementRow]) -> str:
    """The rows with a header, as text without a byte order mark. Amounts are empty where nobody knows them."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\r\n")
    write.writerow(HEADER)
    write.writerows(_cells(row) for row in rows)
    return text.getvalue()


def _cells(row: StatementRow) -> list[str]:
    return [
        f"{row.month:%Y-%m}",
        defused(row.provider),
        defused(row.project_name or ""),
        str(row.project_id),
        defused(row.username or ""),
        str(row.user_id),
        str(row.takes),
        defused(row.unit or ""),
        _number(row.units),
        "yes" if row.is_play else "no",
        defused(row.currency or ""),
        _number(row.amount),
        str(row.unpriced),
    ]


def defused(text: str) -> str:
    """A text that a spreadsheet shows as it is: an apostrophe goes before what would begin a formula."""
    return f"'{text}" if text[:1] in RUNS or text.lstrip()[:1] in RUNS else text


def _number(value: float | None) -> str:
    """To a millionth, without an exponent."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
