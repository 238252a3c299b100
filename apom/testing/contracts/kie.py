"""Kie.ai, read at docs.kie.ai: HTTP 200 for refusals with the real code in the body, results as a JSON string.

Unlike the real one, an unknown field of the input is a refusal: it would be ignored there, and money spent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    MP4,
    PNG,
    Asked,
    Contract,
    Fields,
    Refusal,
    Sent,
    Task,
    choice,
    flag,
    said,
    sent_picture,
    several,
    step,
    text,
    wrong,
)

RATIOS = ("1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9", "auto")
CREDITS = {
    "google/nano-banana": 4,
    "google/nano-banana-edit": 4,
    "nano-banana-pro": 18,
    "bytedance/seedance-1.5-pro": 28,
}
REFUSALS = {
    401: "You do not have access permissions",
    402: "Insufficient credits",
    404: "Not Found",
    429: "Too many requests, please try again later",
    455: "The service is currently undergoing maintenance",
    500: "Server error",
    501: "Generation failed",
    505: "This feature is currently disabled",
}


class Kie(Contract):
    """Wishes: a code of REFUSALS; `fail`, `empty`, `garbled`, `null`, `several`, `odd word`."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.uploads: dict[str, Sent] = {}

    @property
    def _models(self) -> Mapping[str, tuple[Fields, Fields]]:
        url = self.uploads.__contains__
        sizes = {"image_size": choice(*RATIOS), "output_format": choice("png", "jpeg")}
        return {
            "google/nano-banana": ({"prompt": text(5000)}, sizes),
            "google/nano-banana-edit": ({"prompt": text(5000), "image_urls": several(url, 1, 10)}, sizes),
            "nano-banana-pro": (
                {"prompt": text(10000)},
                {
                    "image_input": several(url, 0, 8),
                    "aspect_ratio": choice(*RATIOS),
                    "resolution": choice("1K", "2K", "4K"),
                    "output_format": choice("png", "jpg"),
                },
            ),
            "bytedance/seedance-1.5-pro": (
                {"prompt": text(2500, 3), "aspect_ratio": choice("1:1", "4:3", "3:4", "16:9", "9:16", "21:9")},
                {
                    "input_urls": several(url, 0, 2),
                    "resolution": choice("480p", "720p", "1080p"),
                    "duration": choice(4, 8, 12, "4", "8", "12"),
                    "fixed_lens": flag,
                    "generate_audio": flag,
                    "nsfw_checker": flag,
                },
            ),
        }

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Bearer {self.KEY}":
            raise _refusal(401)
        match asked.method, asked.path:
            case "POST", "/api/v1/jobs/createTask":
                return self._create(asked.body)
            case "GET", "/api/v1/jobs/recordInfo":
                return self._record(asked.query.get("taskId", ""))
            case "GET", "/api/v1/chat/credit":
                return said({"code": 200, "msg": "success", "data": 512.5})
            case "POST", "/api/file-stream-upload":
                return self._upload(asked.body)
        return said({"timestamp": 0, "status": 404, "error": "Not Found", "path": asked.path}, 404)

    def _create(self, body: Any) -> Response:
        wish = self.take_wish()
        if wish.isdigit():
            raise _refusal(int(wish))
        found = wrong(body, {"model": text(), "input": lambda _: True}, {"callBackUrl": text()})
        if found is None and body["model"] not in self._models:
            found = "model", "is not supported"
        found = found or wrong(body["input"], *self._models[body["model"]])
        if found is not None:
            raise _refusal(422, " ".join(found))
        task = self.order(body["model"], body["input"]["prompt"], body["input"], wish, param=json.dumps(body))
        return said({"code": 200, "msg": "success", "data": {"taskId": task.id}})

    def _record(self, id: str) -> Response:
        task = self.task(id)
        if task is None:
            raise _refusal(404, "The task does not exist")
        words = ("waiting", "queuing", "pondering" if task.wish == "odd word" else "generating")
        state = step(task, (*words, "fail" if task.wish == "fail" else "success"))
        is_done = state == "success"
        data = {
            "taskId": task.id,
            "model": task.model,
            "state": state,
            "param": task.more["param"],
            "resultJson": self._results(task) if is_done else "",
            "failCode": "501" if state == "fail" else None,
            "failMsg": "The prompt was too dark" if state == "fail" else None,
            "costTime": 14000 if is_done else None,
            "completeTime": 1763900014000 if is_done else None,
            "createTime": 1763900000000,
            "creditsConsumed": CREDITS[task.model] if is_done else None,
        }
        return said({"code": 200, "msg": "success", "data": data})

    def _results(self, task: Task) -> str | None:
        kind = MP4 if "seedance" in task.model else PNG
        urls = [self.files.at(kind, f"{task.id}-{i}") for i in range(3 if task.wish == "several" else 1)]
        odd: dict[str, str | None] = {"empty": '{"resultUrls":[]}', "garbled": '{"resultUrls":', "null": None}
        return odd[task.wish] if task.wish in odd else json.dumps({"resultUrls": urls})

    def _upload(self, body: Any) -> Response:
        fields = dict(body) if isinstance(body, list) else {}
        file = fields.get("file")
        if not sent_picture(file) or not fields.get("uploadPath"):
            return said({"success": False, "code": 400, "msg": "File and uploadPath are required"})
        name = str(fields.get("fileName") or file.filename)
        url = f"https://tempfile.redpandaai.co/{fields['uploadPath']}/{name}"
        self.uploads[url] = file
        data = {
            "fileName": name,
            "fileUrl": url,
            "downloadUrl": url,
            "fileSize": len(file.content),
            "mimeType": file.mime,
        }
        return said({"success": True, "code": 200, "msg": "File uploaded successfully", "data": data})


def _refusal(code: int, msg: str = "") -> Refusal:
    return Refusal({"code": code, "msg": msg or REFUSALS[code], "data": None}, 200)
