"""The policy's text."""

from __future__ import annotations

import base64
import hashlib

from apom.server.headers import content_policy, script_hashes, security_headers, streamlit_index


def hashed(script: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def test_inline_scripts_are_hashed_and_others_are_not() -> None:
    html = b'<script>a\n</script><SCRIPT type="module">b</SCRIPT><script type="module" src="./c.js"></script>'
    assert script_hashes(html) == (hashed(b"a\n"), hashed(b"b"))


def test_streamlits_page_has_one() -> None:
    assert len(script_hashes(streamlit_index())) == 1


def test_media_may_come_from_the_named_origin_and_scripts_may_not() -> None:
    rules = dict(rule.split(" ", 1) for rule in content_policy(["'sha256-x'"], ["https://s3.example"]).split("; "))
    assert rules["img-src"] == rules["media-src"] == "'self' data: blob: https://s3.example"
    assert rules["script-src"] == "'self' blob: 'sha256-x'"
    assert rules["default-src"] == rules["connect-src"] == "'self'"
    assert {rules[name] for name in ("object-src", "base-uri", "frame-src", "frame-ancestors")} == {"'none'"}


def test_https_is_kept_where_it_is_used() -> None:
    assert "strict-transport-security" in security_headers("", is_https=True)
    assert "strict-transport-security" not in security_headers("", is_https=False)
