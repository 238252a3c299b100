"""Records as a pandas DataFrame. The one home of pandas, imported when the first frame is asked for: that takes a while."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame
    from pandas import Series

# the URLs say where the files are, and a placeholder is a picture
LEFT_OUT = frozenset("file_key thumb_key preview_key proxy_key placeholder cover_key cover_placeholder".split())


def frame(rows: Sequence[object], kind: type | None) -> DataFrame:
    """One row per record, with the columns of `kind`, also when there are no rows; None: of the first one.

    Ids and enums are text, times are aware and in UTC, whole numbers that may be missing are `Int64`; what has parts of
    its own (parameters, inputs, tags) stays an object made of dicts and lists.
    """
    import pandas as pd

    kind = kind or type(next(iter(rows), None))
    columns = _columns(kind) if issubclass(kind, BaseModel) else ()
    return pd.DataFrame({name: _column(name, annotation, rows) for name, annotation in columns})


def _columns(kind: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Names and what is in them, in the order of the record."""
    for name, field in kind.model_fields.items():
        if name not in LEFT_OUT:
            yield name, field.annotation
    for name, computed in kind.model_computed_fields.items():
        yield name, computed.return_type


def _column(name: str, annotation: Any, rows: Sequence[object]) -> Series[Any]:
    import pandas as pd

    kind, is_optional = _kind(annotation)
    values = [getattr(row, name) for row in rows]
    if issubclass(kind, UUID | Enum):
        values = [None if value is None else str(value) for value in values]
    dtype = _dtype(kind, is_optional)
    series: Series[Any] = pd.Series(to_jsonable_python(values) if dtype is object else values, dtype=dtype)
    return series


def _kind(annotation: Any) -> tuple[type, bool]:
    """The type of the values and whether some may be missing; `object` for what has parts."""
    if isinstance(annotation, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return _kind(kinds[0])[0] if len(kinds) == 1 else object, True
    return annotation if isinstance(annotation, type) and get_origin(annotation) is None else object, False


def _dtype(kind: type, is_optional: bool) -> Any:
    import pandas as pd

    if issubclass(kind, datetime):
        return pd.DatetimeTZDtype("us", "UTC")
    if issubclass(kind, str | UUID | Enum):
        return pd.StringDtype(na_value=float("nan"))  # pandas 3 calls it "str"; pandas 2 has it too
    if issubclass(kind, bool):
        return "boolean" if is_optional else "bool"
    if issubclass(kind, int):
        return "Int64" if is_optional else "int64"
    return "float64" if issubclass(kind, float) else object
