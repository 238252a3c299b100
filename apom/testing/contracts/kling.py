"""Kling, read in copies of its pages and public code: a token for each request, `code` 0 in the body, the customer's own id.

The picture is base64 without anything before it; the length is a text.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    MP4,
    Asked,
    Contract,
    Fields,
    Refusal,
    Task,
    choice,
    picture_in_base64,
    said,
    step,
    text,
    wrong,
)

COMMON: Fields = {
    "negative_prompt": text(2500),
    "duration": choice("5", "10"),
    "mode": choice("std", "pro"),
    "external_task_id": text(),
    "callback_url": text(),
}
KINDS: dict[str, tuple[Fields, Fields]] = {
    "text2video": ({"prompt": text(2500)}, {**COMMON, "aspect_ratio": choice("16:9", "9:16", "1:1")}),
    "image2video": ({"image": picture_in_base64}, {**COMMON, "prompt": text(2500), "image_tail": picture_in_base64}),
}


class Kling(Contract):
    """Wishes: `failed`, `1101`, `1301`, `1303`."""

    def answer(self, asked: Asked) -> Response:
        self._need_token(asked.headers.get("authorization", ""))
        found = re.fullmatch(r"/v1/videos/(text2video|image2video)(?:/([\w-]+))?", asked.path)
        if found is None:
            raise _refusal(1203, "The requested resource does not exist", 404)
        if found[2] is None:
            return self._create(found[1], asked.body)
        task = next(
            (t for t in self.tasks if found[2] in (t.id, t.more["own_id"]) and t.more["kind"] == found[1]), None
        )
        if task is None:
            raise _refusal(1203, "The task does not exist", 404)
        return said({"code": 0, "message": "SUCCEED", "request_id": "r", "data": self._data(task)})

    def _need_token(self, header: str) -> None:
        """Raises Refusal for a token that is not signed, or not good just now."""
        signed, _, signature = header.removeprefix("Bearer ").rpartition(".")
        if signature != _text(hmac.digest(self.KEY.encode(), signed.encode(), "sha256")):
            raise _refusal(1000, "Authentication failed", 401)
        claims = json.loads(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["iss"] != self.KEY or not claims["nbf"] <= time.time() - 4 <= time.time() < claims["exp"]:
            raise _refusal(1004, "The token is not valid", 401)

    def _create(self, kind: str, body: Any) -> Response:
        wish = self.take_wish()
        if wish.isdigit():
            words = {
                "1101": "Account in arrears",
                "1301": "Content safety",
                "1303": "Parallel task over resource pack limit",
            }
            raise _refusal(int(wish), words[wish], 400 if wish == "1301" else 429)
        required, optional = KINDS[kind]
        found = wrong(body, {"model_name": choice("kling-v3"), **required}, optional)
        own_id = body.get("external_task_id", "")
        if found is None and any(own_id == task.more["own_id"] for task in self.tasks if own_id):
            found = "external_task_id", "is there already"
        if found is not None:
            raise _refusal(1201, " ".join(found))
        task = self.order("kling-v3", body.get("prompt", ""), body, wish, kind=kind, own_id=own_id)
        data = {"task_id": task.id, "task_status": "submitted", "task_info": {"external_task_id": own_id}}
        return said({"code": 0, "message": "SUCCEED", "request_id": "r", "data": data})

    def _data(self, task: Task) -> dict[str, Any]:
        word = step(task, ("submitted", "processing", task.wish or "succeed"))
        videos = [{"id": "v", "url": self.files.at(MP4, task.id), "duration": "5.1"}] if word == "succeed" else []
        return {
            "task_id": task.id,
            "task_status": word,
            "task_status_msg": "The picture shows nothing" if word == "failed" else "",
            "task_result": {"videos": videos},
        }


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _refusal(code: int, message: str, status: int = 400) -> Refusal:
    return Refusal({"code": code, "message": message, "request_id": "r"}, status)
