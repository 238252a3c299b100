"""What never reaches a log: query strings, tokens, cookies, keys.

Installed as the record factory, so that it covers every logger of the process: Streamlit puts handlers of its own on
uvicorn's loggers, and httpx prints whole URLs.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

SECRETS = (
    (re.compile(r"(?<=[\w/.])\?[^\s\"'<>]+"), "?…"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]+"), r"\1…"),
    (re.compile(r"(apom_session=)[^\s;\"']+"), r"\1…"),
    (re.compile(r"\bapom_pat_[\w-]+"), "apom_pat_…"),
    (re.compile(r"\bwhsec_[\w+/=]+"), "whsec_…"),
    (re.compile(r"\bsk-[\w-]{8,}"), "sk-…"),
    (re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])"), "…"),  # 256 random bits, as secrets.token_urlsafe writes them
)
_formatter = logging.Formatter()


def redact(text: str) -> str:
    """`text` without what must not be written down."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def _clean(value: object) -> object:
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    cleaned = redact(text)
    return value if cleaned == text else cleaned


def clean(record: logging.LogRecord) -> logging.LogRecord:
    """The same record, redacted; its arguments keep their places, because uvicorn's formatter takes them apart."""
    if isinstance(record.args, Mapping):
        record.args = {key: _clean(value) for key, value in record.args.items()}
    elif record.args:
        record.args = tuple(_clean(value) for value in record.args)
    with suppress(
        TypeError, ValueError, KeyError
    ):  # a message that does not fit its arguments is the handler's to report
        message = record.getMessage()
        cleaned = redact(message)
        if cleaned != message:
            record.msg, record.args = cleaned, None
    if record.exc_info and record.exc_info[0]:
        record.exc_text = redact(_formatter.formatException(record.exc_info))
    return record


def install() -> None:
    """From now on every record of this process is clean. Calling it again changes nothing."""
    make: Callable[..., logging.LogRecord] = logging.getLogRecordFactory()
    if getattr(make, "is_apom", False):
        return

    def make_clean(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return clean(make(*args, **kwargs))

    make_clean.is_apom = True  # type: ignore[attr-defined]  # a mark on a function of ours
    logging.setLogRecordFactory(make_clean)
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def to_stderr() -> None:
    """Our own loggers speak, unless whoever runs us has given them a place already."""
    ours = logging.getLogger("apom")
    if not ours.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
