"""Stability AI, read in the npm package stability-ai: always a form; a result is asked for by status, 202 until it is there."""

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
    step,
    text,
    wrong,
)

COMMON: Fields = {
    "negative_prompt": text(10_000),
    "output_format": choice("png", "jpeg", "webp"),
    "seed": lambda value: isinstance(value, str) and value.isdigit(),
}
RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
GENERATE = "/v2beta/stable-image/generate/"


class Stability(Contract):
    """Wishes: `filtered` (the picture), `moderated` (the prompt), `402`, `429`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal(401, "unauthorized", "missing or invalid authorization header")
        if asked.headers.get("accept") != "application/json":
            raise _refusal(400, "bad_request", "accept: must be application/json here")
        if asked.method == "GET" and asked.path.startswith("/v2beta/results/"):
            return self._result(asked.path.rpartition("/")[2])
        model = asked.path.removeprefix(GENERATE)
        if model in ("core", "ultra"):
            self._ordered(model, asked.body, {"prompt": text(10_000)}, {**COMMON, "aspect_ratio": choice(*RATIOS)})
            return self._picture("image")
        if asked.path == "/v2beta/stable-image/upscale/creative":
            self._ordered("creative-upscale", asked.body, {"prompt": text(10_000), "image": sent_picture}, COMMON)
            return said({"id": self.last.id})
        raise _refusal(404, "not_found", "not found")

    def _ordered(self, model: str, body: Any, required: Fields, optional: Fields) -> None:
        wish = self.take_wish()
        if wish == "moderated":
            raise _refusal(403, "content_moderation", "Your request was flagged by our content moderation system")
        if wish.isdigit():
            raise _refusal(int(wish), "payment_required" if wish == "402" else "rate_limit_exceeded", "not now")
        fields = dict(body) if isinstance(body, list) else None
        found = wrong(fields, required, optional)
        if found is not None or fields is None:
            raise _refusal(400, "bad_request", " ".join(found or ("body", "is no form")))
        self.order(model, fields["prompt"], fields, wish)

    def _picture(self, name: str) -> Response:
        content = base64.b64encode(self.files.samples.of(PNG)).decode()
        reason = "CONTENT_FILTERED" if self.last.wish == "filtered" else "SUCCESS"
        return said({name: content, "finish_reason": reason, "seed": 3})

    def _result(self, id: str) -> Response:
        task = self.task(id)
        if task is None:
            raise _refusal(404, "not_found", "generation not found")
        if step(task, ("202", "202", "200")) == "202":
            return said({"id": id, "status": "in-progress"}, 202)
        return self._picture("result")


def _refusal(status: int, name: str, error: str) -> Refusal:
    return Refusal({"id": "r", "name": name, "errors": [error]}, status)
