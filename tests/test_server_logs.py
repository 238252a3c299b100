"""What reaches the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.logging import AccessFormatter

from apom.server import logs

TOKEN = "8hiAH7JIe94z61f-6YkzjZ699BQvs4wuhjFPQnND4bg"  # as secrets.token_urlsafe(32) makes them


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What a logger of its own writes while the filter is installed."""
    factory = logging.getLogRecordFactory()
    logs.install()
    written, logger = StringIO(), logging.getLogger("tried")
    handler = logging.StreamHandler(written)
    logger.addHandler(handler)
    logger.propagate = False
    yield written
    logger.removeHandler(handler)
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("GET /review?token=abc HTTP/1.1", "GET /review?… HTTP/1.1"),
        ("see https://x.example/a/?X-Amz-Signature=abc, twice", "see https://x.example/a/?… twice"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer …"),
        ("cookie: a=b; apom_session=abc; c=d", "cookie: a=b; apom_session=…; c=d"),
        ("cookie: __Host-apom_session=abc", "cookie: __Host-apom_session=…"),
        ("apom_pat_abc-DEF", "apom_pat_…"),
        ("key sk-live-12345678", "key sk-…"),
        (f"/s/{TOKEN}", "/s/…"),
        ("What now? Nothing.", "What now? Nothing."),
        ("sha256 " + "a" * 64, "sha256 " + "a" * 64),
    ],
)
def test_secrets_are_cut_out(text: str, written: str) -> None:
    assert logs.redact(text) == written
    assert logs.redact(written) == written


@given(st.text())
def test_twice_is_as_once(text: str) -> None:
    assert logs.redact(logs.redact(text)) == logs.redact(text)


def test_arguments_exceptions_and_split_queries_are_cleaned(log: StringIO) -> None:
    logger = logging.getLogger("tried")
    logger.warning("GET %s -> %d", "/a?token=HUSH", 200)
    logger.warning("GET %s?%s", "/a", "token=HUSH")
    logger.warning("%(path)s", {"path": "/a?token=HUSH"})
    logger.warning(ValueError("/a?token=HUSH"))
    try:
        raise ValueError(f"https://x.example/?key=HUSH {TOKEN}")
    except ValueError:
        logger.exception("it failed")
    assert "HUSH" not in log.getvalue()
    assert TOKEN not in log.getvalue()
    assert "GET /a?… -> 200" in log.getvalue()
    assert "ValueError: https://x.example/?… …" in log.getvalue()


def test_uvicorns_access_log_still_finds_its_parts(log: StringIO) -> None:
    logger = logging.getLogger("tried")
    logger.handlers[0].setFormatter(
        AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False)
    )
    logger.warning('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", "/review?token=HUSH", "1.1", 200)
    assert log.getvalue() == "127.0.0.1:5 GET /review?… HTTP/1.1 200 OK\n"


def test_installing_twice_wraps_once(log: StringIO) -> None:
    once = logging.getLogRecordFactory()
    logs.install()
    assert logging.getLogRecordFactory() is once
