"""Veo through the Gemini interface, read in google-genai 3.4: operations with slashes in their names.

An operation that went wrong has `error` and `done`; one whose clips were filtered is done without a clip. The clip is
fetched with the key, and that leads to another host, which must not see it.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import RedirectResponse, Response

from apom.testing.contracts.base import (
    MP4,
    Asked,
    Contract,
    Fields,
    Task,
    choice,
    picture_in_base64,
    said,
    several,
    shaped,
    step,
    text,
)
from apom.testing.contracts.gemini import need, need_key, refusal

PICTURE = shaped({"bytesBase64Encoded": picture_in_base64, "mimeType": choice("image/png", "image/jpeg", "image/webp")})
MODELS = ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview", "veo-3.1-lite-generate-preview")
INSTANCE: Fields = {
    "image": PICTURE,
    "lastFrame": PICTURE,
    "referenceImages": several(shaped({"image": PICTURE, "referenceType": choice("asset", "style")}), 1, 3),
}
PARAMETERS: Fields = {
    "aspectRatio": choice("16:9", "9:16"),
    "resolution": choice("720p", "1080p", "4k"),
    "durationSeconds": choice(4, 6, 8),
    "negativePrompt": text(),
    "personGeneration": choice("allow_all", "allow_adult", "dont_allow"),
    "sampleCount": choice(1),
}


class Veo(Contract):
    """Wishes: `error` (an operation that is done and has an error), `filtered` (done without a clip), `429`."""

    def answer(self, asked: Asked) -> Response:
        need_key(asked, self.KEY)
        order = re.fullmatch(r"/v1beta/models/([\w.-]+):predictLongRunning", asked.path)
        if order and asked.method == "POST" and order[1] in MODELS:
            return self._create(order[1], asked.body)
        question = re.fullmatch(r"/v1beta/models/([\w.-]+)/operations/([\w-]+)", asked.path)
        task = self.task(question[2]) if question else None
        if question and task is not None and task.model == question[1]:
            return said(self._operation(task))
        if re.fullmatch(r"/v1beta/files/([\w-]+):download", asked.path) and asked.query.get("alt") == "media":
            return RedirectResponse(self.files.at(MP4, "veo"), 302)
        raise refusal(404, "NOT_FOUND", "Requested entity was not found.")

    def _create(self, model: str, body: Any) -> Response:
        wish = self.take_wish()
        if wish == "429":
            raise refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota")
        instance = shaped({"prompt": text()}, INSTANCE)
        need(body, {"instances": several(instance, 1, 1)}, {"parameters": shaped({}, PARAMETERS)})
        task = self.order(model, body["instances"][0]["prompt"], body, wish)
        return said({"name": f"models/{model}/operations/{task.id}"})

    def _operation(self, task: Task) -> dict[str, Any]:
        known = {"name": f"models/{task.model}/operations/{task.id}"}
        if step(task, ("", "", "done")) != "done":
            return known
        if task.wish == "error":
            return {**known, "done": True, "error": {"code": 13, "message": "Internal error", "status": "INTERNAL"}}
        if task.wish == "filtered":
            reasons = ["The clip could not be made because of a policy on likenesses."]
            video: dict[str, Any] = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}
        else:
            video = {"generatedSamples": [{"video": {"uri": f"{self.url}/v1beta/files/{task.id}:download?alt=media"}}]}
        return {**known, "done": True, "response": {"generateVideoResponse": video}}
