"""How each kind of key is shown, and that none is shown without its secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from apom.config import shipped
from apom.errors import Misconfigured
from apom.providers import keys
from apom.providers.catalog import parse
from apom.providers.spec import ProviderSpec

SANDBOX: dict[str, Any] = json.loads((shipped("providers") / "sandbox.json").read_text("utf-8"))


def spec(**auth: str) -> ProviderSpec:
    return parse(json.dumps({**SANDBOX, "auth": auth}), file="sandbox.json")


@pytest.mark.parametrize(
    ("auth", "headers", "query"),
    [
        ({"type": "none"}, {}, {}),
        ({"type": "bearer", "secret": "A_KEY"}, {"Authorization": "Bearer s3cret:/"}, {}),
        ({"type": "header", "name": "x-key", "secret": "A_KEY"}, {"x-key": "s3cret:/"}, {}),
        (
            {"type": "header", "name": "Authorization", "prefix": "Key ", "secret": "A_KEY"},
            {"Authorization": "Key s3cret:/"},
            {},
        ),
        ({"type": "query", "name": "key", "secret": "A_KEY"}, {}, {"key": "s3cret:/"}),
        ({"type": "basic", "user": "u", "secret": "A_KEY"}, {"Authorization": "Basic dTpzM2NyZXQ6Lw=="}, {}),
    ],
)
def test_a_key_is_shown_as_the_file_says(auth: dict[str, str], headers: dict[str, str], query: dict[str, str]) -> None:
    passed = keys.passed(spec(**auth), {"A_KEY": "s3cret:/ "})
    assert (dict(passed.headers), dict(passed.query)) == (headers, query)


def test_a_token_is_signed_and_good_from_a_little_before_now() -> None:
    provider = spec(type="jwt_hs256", issuer="AN_ISSUER", secret="A_KEY", ttl="10m")
    token = keys.passed(provider, {"A_KEY": "k", "AN_ISSUER": "me"}, now_s=1000.9).headers["Authorization"][7:]
    head, claims, signature = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(claims + "==")) == {"iss": "me", "exp": 1600, "nbf": 995}
    wanted = hmac.digest(b"k", f"{head}.{claims}".encode(), hashlib.sha256)
    assert base64.urlsafe_b64decode(signature + "==") == wanted


@pytest.mark.parametrize("secrets", [{}, {"A_KEY": ""}, {"A_KEY": "a\nb"}, {"A_KEY": "ключ"}])
def test_without_a_key_that_can_be_sent_nothing_is(secrets: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="A_KEY for Sandbox is missing") as caught:
        keys.passed(spec(type="bearer", secret="A_KEY"), secrets)
    assert "ключ" not in str(caught.value)


def test_a_pass_does_not_show_itself() -> None:
    assert "s3cret" not in repr(keys.passed(spec(type="query", name="key", secret="A_KEY"), {"A_KEY": "s3cret"}))
