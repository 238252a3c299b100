"""BytePlus ModelArk (Seedance), read in litellm 1.109 and at docs.byteplus.com: the order is a list of contents.

A task may expire before it begins. Deleting takes back what is queued; later it only deletes the record.
"""

from __future__ import annotations

import re
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
    flag,
    picture_as_data_uri,
    said,
    several,
    shaped,
    step,
    text,
    whole,
    wrong,
)

TASKS = "/api/v3/contents/generations/tasks"
MODELS = ("seedance-1-5-pro-251215",)
REQUIRED: Fields = {"model": text(), "content": several(lambda part: _is_words(part) or _is_frame(part), 1, 3)}
OPTIONAL: Fields = {
    "ratio": choice("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive"),
    "resolution": choice("480p", "720p", "1080p"),
    "duration": whole(4, 12),
    "seed": whole(-1, 2**32 - 1),
    "camera_fixed": flag,
    "watermark": flag,
    "generate_audio": flag,
    "service_tier": choice("default", "flex"),
    "execution_expires_after": whole(3600, 259200),
    "return_last_frame": flag,
    "callback_url": text(),
    "safety_identifier": text(),
}


def _is_words(part: Any) -> bool:
    return shaped({"type": choice("text"), "text": text()})(part)


def _is_frame(part: Any) -> bool:
    address = shaped({"url": picture_as_data_uri})
    role = choice("first_frame", "last_frame", "reference_image")
    return shaped({"type": choice("image_url"), "image_url": address}, {"role": role})(part)


class BytePlus(Contract):
    """Wishes: `failed`, `expired`, `cancelled`, `sensitive` (the prompt is refused), `overdue`, `429`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal(401, "AuthenticationError", "The API key in the request is missing or invalid.")
        if (asked.method, asked.path) == ("POST", TASKS):
            return self._create(asked.body)
        found = re.fullmatch(TASKS + r"/([\w-]+)", asked.path)
        task = self.task(found[1]) if found else None
        if task is None:
            raise _refusal(404, "ResourceNotFound", "The specified task is not found.")
        if asked.method == "DELETE":
            if task.polls > 1:
                raise _refusal(409, "OperationDenied.InvalidState", "Only queued tasks can be cancelled.")
            task.is_cancelled = True
            return said({})
        return said(self._told(task))

    def _create(self, body: Any) -> Response:
        wish = self.take_wish()
        _refuse(wish)
        found = wrong(body, REQUIRED, OPTIONAL)
        if found is not None:
            raise _refusal(400, "InvalidParameter", f"The parameter `{found[0]}` {found[1]}.")
        if body["model"] not in MODELS:
            raise _refusal(404, "InvalidEndpointOrModel.NotFound", "The model does not exist.")
        prompt = next((part["text"] for part in body["content"] if part["type"] == "text"), "")
        return said({"id": self.order(body["model"], prompt, body, wish).id})

    def _told(self, task: Task) -> dict[str, Any]:
        end = task.wish if task.wish in ("failed", "expired", "cancelled") else "succeeded"
        word = "cancelled" if task.is_cancelled else step(task, ("queued", "running", end))
        told: dict[str, Any] = {"id": task.id, "model": task.model, "status": word, "created_at": 1, "updated_at": 2}
        if word == "failed":
            told["error"] = {"code": "InternalServiceError", "message": "The service had an internal error."}
        if word == "succeeded":
            told["content"] = {"video_url": self.files.at(MP4, task.id)}
            told["usage"] = {"completion_tokens": 102960, "total_tokens": 102960}
            told |= {"seed": 58944, "resolution": "720p", "ratio": "16:9", "duration": 5, "framespersecond": 24}
        return told


def _refuse(wish: str) -> None:
    """Raises Refusal for a wish that is one."""
    match wish:
        case "sensitive":
            raise _refusal(
                400, "InputTextSensitiveContentDetected", "The input text may contain sensitive information."
            )
        case "overdue":
            raise _refusal(403, "AccountOverdueError", "The account has an overdue balance.")
        case "429":
            raise _refusal(429, "RateLimitExceeded.EndpointRPMExceeded", "The requests per minute limit was exceeded.")


def _refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal({"error": {"code": code, "message": message, "param": "", "type": "BadRequest"}}, status)
