"""Replicate, read in its clients 1.0.7 and 2.0b and at replicate.com/docs: one shape for the answer to every question.

`Prefer: wait` may end before the prediction does. The output is a list, a text or a data URI, as each model likes.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    MP4,
    WEBP,
    Asked,
    Contract,
    Fields,
    Refusal,
    Task,
    choice,
    exactly,
    flag,
    picture_as_data_uri,
    said,
    step,
    text,
    whole,
    wrong,
)

RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
MODELS: dict[str, tuple[Fields, Fields]] = {
    "black-forest-labs/flux-schnell": (
        {"prompt": text()},
        {
            "aspect_ratio": choice(*RATIOS),
            "num_outputs": whole(1, 4),
            "num_inference_steps": whole(1, 4),
            "seed": whole(0, 2**32 - 1),
            "output_format": choice("webp", "jpg", "png"),
            "output_quality": whole(0, 100),
            "go_fast": flag,
            "megapixels": choice("1", "0.25"),
            "disable_safety_checker": flag,
        },
    ),
    "bytedance/seedance-1.5-pro": (
        {"prompt": text()},
        {
            "image": picture_as_data_uri,
            "last_frame_image": picture_as_data_uri,
            "duration": whole(2, 12),
            "aspect_ratio": choice("16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "9:21"),
            "camera_fixed": flag,
            "generate_audio": flag,
            "seed": whole(0, 2**31 - 1),
        },
    ),
}


class Replicate(Contract):
    """Wishes: `at once`, `one` (the output is a text), `data` (a data URI), `removed` (its hour is over), `failed`,
    `canceled`, `aborted`, `429`, `402`, `500`.
    """

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            detail = "You did not pass a valid authentication token"
            raise Refusal({"title": "Unauthenticated", "detail": detail, "status": 401}, 401)
        if (asked.method, asked.path) == ("POST", "/v1/predictions"):
            return self._create(asked)
        found = re.fullmatch(r"/v1/predictions/([\w-]+)(/cancel)?", asked.path)
        task = self.task(found[1]) if found else None
        if found is None or task is None:
            raise Refusal({"detail": "The requested resource could not be found.", "status": 404}, 404)
        if found[2] and asked.method == "POST":
            task.is_cancelled = True
        return said(self._prediction(task))

    def _create(self, asked: Asked) -> Response:
        wish = self.take_wish()
        _refuse(wish)
        body = asked.body
        hooks = {"webhook": text(), "webhook_events_filter": exactly(choice("completed"))}
        found = wrong(body, {"version": choice(*MODELS), "input": lambda _: True}, hooks)
        found = found or wrong(body["input"], *MODELS[body["version"]])
        prefer = asked.headers.get("prefer", "")
        if found is not None or not re.fullmatch(r"(wait(=([1-9]|[1-5]\d|60))?)?", prefer):
            said_wrong = f"- {' '.join(found or ('Prefer', 'has a wrong value'))}\n"
            raise Refusal({"title": "Input validation failed", "detail": said_wrong, "status": 422}, 422)
        task = self.order(body["version"], body["input"]["prompt"], body["input"], wish)
        task.more["is_waited_for"] = bool(prefer)
        return said(self._prediction(task), 201)

    def _prediction(self, task: Task) -> dict[str, Any]:
        end = task.wish if task.wish in ("failed", "canceled", "aborted") else "succeeded"
        words = (
            ("succeeded",) if task.wish == "at once" and task.more["is_waited_for"] else ("starting", "processing", end)
        )
        word = "canceled" if task.is_cancelled else step(task, words)
        at = f"{self.url}/v1/predictions/{task.id}"
        return {
            "id": task.id,
            "model": task.model,
            "version": "hidden",
            "input": task.input,
            "logs": "",
            "output": self._output(task) if word == "succeeded" else None,
            "data_removed": task.wish == "removed",
            "error": "CUDA out of memory" if word == "failed" else None,
            "status": word,
            "metrics": {"predict_time": 1.25, "total_time": 2.5} if word == "succeeded" else {},
            "urls": {"get": at, "cancel": f"{at}/cancel"},
        }

    def _output(self, task: Task) -> object:
        if task.wish == "removed":
            return None
        if task.wish == "data":
            return "data:image/webp;base64," + base64.b64encode(self.files.samples.webp).decode()
        url = self.files.at(MP4 if "seedance" in task.model else WEBP, task.id)
        return url if task.wish == "one" or "seedance" in task.model else [url]


def _refuse(wish: str) -> None:
    """Raises Refusal for a wish that is one."""
    if wish == "429":
        detail = "Request was throttled. Expected available in 1 second."
        raise Refusal({"detail": detail, "status": 429}, 429, {"Retry-After": "1"})
    if wish == "402":
        detail = "You have insufficient credit to run this model."
        raise Refusal({"title": "Insufficient credit", "detail": detail, "status": 402}, 402)
    if wish == "500":
        raise Refusal({"title": "Internal Server Error", "detail": "Something went wrong", "status": 500}, 500)
