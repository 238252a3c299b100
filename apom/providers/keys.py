"""How a key is shown to a provider: what a request carries, made anew for every hop."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from urllib.parse import quote

from apom.errors import Misconfigured
from apom.net import NOTHING, Pass
from apom.providers import template
from apom.providers.spec import BasicAuth, BearerAuth, HeaderAuth, JwtAuth, NoAuth, ProviderSpec, QueryAuth, Request

MASK = "********"
EARLIER_S = 5  # a token is good from a little before now: clocks differ


def names(spec: ProviderSpec) -> tuple[str, ...]:
    """The names of the secrets a provider needs."""
    auth = spec.auth
    if isinstance(auth, NoAuth):
        return ()
    return (auth.issuer, auth.secret) if isinstance(auth, JwtAuth) else (auth.secret,)


def passed(spec: ProviderSpec, secrets: Mapping[str, str], now_s: float | None = None) -> Pass:
    """What a request with the key carries. `now_s`: seconds of the Unix clock. Raises Misconfigured without the key."""
    found = {name: _need(spec, secrets, name) for name in names(spec)}
    match spec.auth:
        case NoAuth():
            return NOTHING
        case BearerAuth(secret=name):
            return Pass(headers={"Authorization": f"Bearer {found[name]}"})
        case HeaderAuth(secret=name, name=header, prefix=prefix):
            return Pass(headers={header: prefix + found[name]})
        case QueryAuth(secret=name, name=parameter):
            return Pass(query={parameter: found[name]})
        case BasicAuth(secret=name) as auth:
            return Pass(headers={"Authorization": f"Basic {_basic(auth, found[name])}"})
        case JwtAuth(secret=name, issuer=issuer, valid_s=valid_s):
            token = jwt(found[issuer], found[name], valid_s, time.time() if now_s is None else now_s)
            return Pass(headers={"Authorization": f"Bearer {token}"})


def shape(spec: ProviderSpec, request: Request) -> Pass:
    """What a request carries of the key, for people: each secret is a mask."""
    if not request.auth:
        return NOTHING
    carried = passed(spec, dict.fromkeys(names(spec), MASK))
    if isinstance(spec.auth, BasicAuth | JwtAuth):
        return Pass(headers={name: f"{value.split(' ')[0]} {MASK}" for name, value in carried.headers.items()})
    return carried


def traces(spec: ProviderSpec, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """The shapes in which a key may come back in an answer, the longest first. (JSON Web Tokens are told by their look.)"""
    found = {secret.strip() for secret in secrets.values()} - {""}
    found |= {quote(secret, safe="") for secret in found}
    if isinstance(spec.auth, BasicAuth):
        found |= {_basic(spec.auth, secret) for secret in found}
    return tuple(sorted(found, key=len, reverse=True))


def _basic(auth: BasicAuth, secret: str) -> str:
    return base64.b64encode(f"{auth.user}:{secret}".encode()).decode()


def jwt(issuer: str, secret: str, valid_s: float, now_s: float) -> str:
    """A token of RFC 7519, HS256, with issuer, end and beginning."""
    claims = {"iss": issuer, "exp": int(now_s + valid_s), "nbf": int(now_s) - EARLIER_S}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_text(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def _part(content: Mapping[str, object]) -> str:
    return _text(json.dumps(content, separators=(",", ":")).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _need(spec: ProviderSpec, secrets: Mapping[str, str], name: str) -> str:
    secret = secrets.get(name, "").strip()
    if not secret or not template.HEADER_VALUE.fullmatch(secret):
        raise Misconfigured(
            "The key {name} for {provider} is missing or cannot be used. Set it on the Providers page.",
            name=name,
            provider=spec.name,
        )
    return secret
