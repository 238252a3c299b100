"""MiniMax, version 1, read in minimax-mcp-js: 200 with `base_resp`, and three questions until the clip has an address."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    MP4,
    Asked,
    Contract,
    Fields,
    Refusal,
    choice,
    picture_as_data_uri,
    said,
    step,
    text,
    wrong,
)

OPTIONAL: Fields = {
    "prompt": text(2000),
    "first_frame_image": picture_as_data_uri,
    "duration": choice(6, 10),
    "resolution": choice("512P", "768P", "1080P"),
    "prompt_optimizer": choice(True, False),
    "callback_url": text(),
}
WELL = {"base_resp": {"status_code": 0, "status_msg": "success"}}
REFUSALS = {"1002": "rate limit", "1008": "insufficient balance", "1026": "The prompt is sensitive"}


class MiniMax(Contract):
    """Wishes: a code of REFUSALS, `Fail`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal(1004, "login fail: Please carry the API secret key")
        match asked.method, asked.path:
            case "POST", "/v1/video_generation":
                return self._create(asked.body)
            case "GET", "/v1/query/video_generation":
                return self._query(asked.query.get("task_id", ""))
            case "GET", "/v1/files/retrieve":
                return self._file(asked.query.get("file_id", ""))
        return Response("404 page not found", 404)

    def _create(self, body: Any) -> Response:
        wish = self.take_wish()
        if wish in REFUSALS:
            raise _refusal(int(wish), REFUSALS[wish])
        found = wrong(body, {"model": choice("MiniMax-Hailuo-02")}, OPTIONAL)
        if found is not None:
            raise _refusal(2013, f"invalid params, {' '.join(found)}")
        return said({"task_id": self.order(body["model"], body.get("prompt", ""), body, wish).id, **WELL})

    def _query(self, id: str) -> Response:
        task = self.task(id)
        if task is None:
            raise _refusal(2013, "invalid params, task_id")
        word = step(task, ("Preparing", "Queueing", "Processing", task.wish or "Success"))
        file_id = f"file-{task.id}" if word == "Success" else ""
        msg = "the clip could not be made" if word == "Fail" else "success"
        return said(
            {"task_id": id, "status": word, "file_id": file_id, "base_resp": {"status_code": 0, "status_msg": msg}}
        )

    def _file(self, id: str) -> Response:
        if self.task(id.removeprefix("file-")) is None:
            raise _refusal(2013, "invalid params, file_id")
        return said({"file": {"file_id": id, "download_url": self.files.at(MP4, id)}, **WELL})


def _refusal(code: int, message: str) -> Refusal:
    return Refusal({"base_resp": {"status_code": code, "status_msg": message}}, 200)
