"""Keyset pages: the cursor says where the last page ended, so that rows coming in between move nothing."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from apom.config import LIMITS
from apom.errors import Invalid


def cursor(at: datetime, id: UUID) -> str:
    """The cursor after a row."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(id)]).encode()).decode()


def position(text: str | None) -> tuple[datetime | None, UUID | None]:
    """Where a page begins; (None, None) for the first. Raises Invalid for what is not a cursor of ours."""
    if text is None:
        return None, None
    try:
        at, id = json.loads(base64.urlsafe_b64decode(text))
        return datetime.fromisoformat(at), UUID(id)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise Invalid(
            "This list cannot be continued from there. Load it again from the start.", field="cursor"
        ) from error


def size(limit: int) -> int:
    """A page's length within what is allowed. Raises Invalid."""
    if not 1 <= limit <= LIMITS.page:
        raise Invalid("A page has 1 to {most} rows.", field="limit", most=LIMITS.page)
    return limit
