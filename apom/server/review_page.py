"""The page of a review link. It comes without Streamlit: 2.4 MB of a dashboard's script and a session for everybody who looks
would be between a phone and the film. One document with everything but its script, which browsers keep.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apom.config import shipped
from apom.ui.components.review import HTML, labels, script_and_look
from apom.words import _, language, preferred

# The component thinks that it is one of Streamlit's: a root to draw in, data, and a way to speak to Python.
BOOT = """
const root = document.querySelector("main").attachShadow({ mode: "open" });
root.append(document.querySelector("template").content.cloneNode(true));
const link = new URLSearchParams(location.search).get("r") ?? "";
const labels = JSON.parse(document.querySelector("#words").textContent);
review({ parentElement: root, data: { link, labels, allow: [] }, setTriggerValue() {} });
"""
DOCUMENT = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="/favicon.png">
<link rel="modulepreload" href="{script}"><style>{theme}</style></head>
<body><main></main><template><style>{look}</style>{html}</template><noscript>{noscript}</noscript>
<script type="application/json" id="words">{words}</script><script type="module" src="{script}"></script></body></html>
"""
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}


class Script(NamedTuple):
    """`path`: where it is, by its content."""

    path: str
    plain: bytes
    packed: bytes


@cache
def _script() -> Script:
    plain = (script_and_look()[0] + BOOT).encode()
    name = hashlib.sha256(plain).hexdigest()[:12]
    return Script(f"/review/page-{name}.js", plain, gzip.compress(plain, mtime=0))


@cache
def _theme() -> str:
    """The dashboard's colours, light and dark as the system says."""
    theme = tomllib.loads((shipped(".streamlit") / "config.toml").read_text("utf-8"))["theme"]
    ground = "body { margin: 0; background: var(--st-background-color); color: var(--st-text-color); }"
    return (
        f":root {{ color-scheme: light dark; --st-font: {FONT}; --st-base-radius: {theme['baseRadius']};"
        f" {_variables(theme['light'])} }} @media (prefers-color-scheme: dark) {{ :root {{ {_variables(theme['dark'])} }} }}"
        f" {ground}"
    )


def _variables(colours: Mapping[str, object]) -> str:
    kebab = {name: "".join(f"-{c.lower()}" if c.isupper() else c for c in name) for name in colours}
    return " ".join(f"--st-{kebab[name]}: {value};" for name, value in colours.items() if isinstance(value, str))


async def page(request: Request) -> Response:
    """The same for every link, and for none: what it may show, its script asks with the link's cookie."""
    language.set(preferred(request.headers.get("accept-language", "")))
    words = json.dumps(labels(), ensure_ascii=False).replace("<", "\\u003c")
    document = DOCUMENT.format(
        language=language.get(),
        title=escape(_("Review")),
        script=_script().path,
        theme=_theme(),
        look=script_and_look()[1],
        html=HTML,
        noscript=escape(_("This page needs JavaScript.")),
        words=words,
    )
    return Response(document, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})


async def script(request: Request) -> Response:
    """Its script, packed for who takes it so."""
    found = _script()
    if request.url.path != found.path:
        return Response(status_code=404)
    is_packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {**FOREVER, **({"Content-Encoding": "gzip"} if is_packed else {})}
    return Response(found.packed if is_packed else found.plain, media_type="text/javascript", headers=headers)


def routes() -> Sequence[Route]:
    """Before Streamlit's."""
    return Route("/review", page, methods=["GET"]), Route("/review/page-{name}.js", script, methods=["GET"])
