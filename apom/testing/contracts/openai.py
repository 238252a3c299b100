"""OpenAI's images, read in openai 3.54, and local servers that speak the same.

The picture is in the answer as base64, never as an address; `response_format` is refused. There is no task id.
"""

from __future__ import annotations

import base64
from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    PNG,
    Asked,
    Contract,
    Fields,
    Refusal,
    choice,
    said,
    sent_picture,
    text,
    whole,
    wrong,
)

MODELS = ("gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6")
QUALITIES = ("low", "medium", "high", "xhigh", "max", "auto")
SIZES = ("1024x1024", "1536x1024", "1024x1536", "auto")
COMMON: Fields = {
    "n": whole(1, 10),
    "size": choice(*SIZES),
    "quality": choice(*QUALITIES),
    "background": choice("transparent", "opaque", "auto"),
    "output_format": choice("png", "webp", "jpeg", "gif", "svg"),
    "output_compression": whole(0, 100),
}


class OpenAI(Contract):
    """Wishes: `moderated`, `no credit`, `429`, `500`, `empty`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal(401, "invalid_api_key", "Incorrect API key provided: sk-con****6789.")
        match asked.method, asked.path:
            case "POST", "/v1/images/generations":
                return self._made(asked.body, {**COMMON, "moderation": choice("low", "auto")})
            case "POST", "/v1/images/edits":
                return self._made(*_form(asked.body))
        raise _refusal(404, "unknown_url", f"Invalid URL ({asked.method} {asked.path})")

    def _made(self, body: Any, optional: Fields) -> Response:
        wish = self.take_wish()
        _refuse(wish)
        found = wrong(body, {"model": choice(*MODELS), "prompt": text(32000)}, optional)
        if found is not None:
            raise _refusal(
                400, "unknown_parameter" if "known" in found[1] else "invalid_value", " ".join(found), found[0]
            )
        self.order(body["model"], body["prompt"], body, wish)
        items = [] if wish == "empty" else [{"b64_json": base64.b64encode(self.files.samples.of(PNG)).decode()}]
        usage = {"input_tokens": 12, "output_tokens": 988, "total_tokens": 1000}
        return said({"created": 1763900000, "data": items, "output_format": "png", "usage": usage})


def _form(body: Any) -> tuple[dict[str, Any], Fields]:
    """A form as fields, with the pictures counted, and what may stand in it beside model and prompt."""
    if not isinstance(body, list):
        raise _refusal(400, "invalid_content_type", "This endpoint needs multipart/form-data")
    pictures = [value for name, value in body if name == "image[]"]
    if not 1 <= len(pictures) <= 16 or not all(map(sent_picture, pictures)):
        raise _refusal(400, "missing_required_parameter", "Missing required parameter: 'image'.", "image")
    fields = {name: value for name, value in body if name != "image[]"}
    return {**fields, "image[]": pictures}, {
        **COMMON,
        "n": choice("1"),
        "mask": sent_picture,
        "image[]": lambda _: True,
    }


def _refuse(wish: str) -> None:
    """Raises Refusal for a wish that is one."""
    match wish:
        case "moderated":
            raise _refusal(400, "moderation_blocked", "Your request was rejected by the safety system.")
        case "no credit":
            raise _refusal(429, "insufficient_quota", "You exceeded your current quota, please check your plan.")
        case "429":
            raise _refusal(429, "rate_limit_exceeded", "Rate limit reached", headers={"Retry-After": "20"})
        case "500":
            raise _refusal(500, None, "The server had an error while processing your request.")


def _refusal(
    status: int, code: str | None, message: str, param: str | None = None, headers: dict[str, str] | None = None
) -> Refusal:
    error = {"code": code, "type": "invalid_request_error", "message": message, "param": param}
    return Refusal({"error": error}, status, headers)


class OpenAICompatible(Contract):
    """A local server without a key: an address or base64, as it likes, and no patience with what it does not know.

    Wishes: `url`.
    """

    def answer(self, asked: Asked) -> Response:
        if (asked.method, asked.path) == ("GET", "/generated-images/1.png"):
            return Response(self.files.samples.png, media_type="image/png")
        if (asked.method, asked.path) != ("POST", "/v1/images/generations"):
            raise Refusal({"error": {"code": 404, "message": "Not found", "type": ""}}, 404)
        optional = {"model": text(), "size": choice("512x512", "1024x1024", "1024x576", "576x1024"), "n": whole(1, 4)}
        found = wrong(asked.body, {"prompt": text()}, optional)
        if found is not None or "authorization" in asked.headers:
            message = " ".join(found or ("a key", "is not known"))
            raise Refusal({"error": {"code": 400, "message": message, "type": "invalid_request_error"}}, 400)
        wish = self.take_wish()
        self.order(asked.body.get("model", ""), asked.body["prompt"], asked.body, wish)
        item = {"b64_json": base64.b64encode(self.files.samples.of(PNG)).decode()}
        return said(
            {"created": 1, "data": [{"url": f"{self.url}/generated-images/1.png"}] if wish == "url" else [item]}
        )
