"""Gemini's pictures (generateContent), read in google-genai 3.4: an answer of 200 without a picture is a refusal.

A wrong key is a 400, and only its details say so. A field that is not known is refused.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    JPEG,
    Asked,
    Contract,
    Fields,
    Refusal,
    choice,
    picture_in_base64,
    said,
    several,
    shaped,
    text,
    wrong,
)

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
RATIO = {"aspectRatio": choice(*RATIOS)}
WITH_SIZE = {**RATIO, "imageSize": choice("1K", "2K", "4K")}
MODELS: dict[str, Fields] = {
    "gemini-2.5-flash-image": RATIO,
    "gemini-3-pro-image-preview": WITH_SIZE,
    "gemini-3.1-flash-image-preview": WITH_SIZE,
}


class Gemini(Contract):
    """Wishes: `text` (words, no picture), `blocked` (the prompt), `safety` (the picture), `429`, `500`."""

    def answer(self, asked: Asked) -> Response:
        need_key(asked, self.KEY)
        found = re.fullmatch(r"/v1beta/models/([\w.-]+):generateContent", asked.path)
        if found is None or found[1] not in MODELS or asked.method != "POST":
            raise refusal(404, "NOT_FOUND", f"models{asked.path} is not found for API version v1beta")
        wish = self.take_wish()
        if wish == "429":
            raise refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota")
        if wish == "500":
            raise refusal(500, "INTERNAL", "An internal error has occurred")
        need(asked.body, {"contents": several(_content, 1, 1)}, {"generationConfig": _config(MODELS[found[1]])})
        prompt = asked.body["contents"][0]["parts"][0]["text"]
        self.order(found[1], prompt, asked.body, wish)
        return said({**self._outcome(wish), "modelVersion": found[1]})

    def _outcome(self, wish: str) -> dict[str, Any]:
        usage = {"promptTokenCount": 8, "candidatesTokenCount": 1290, "totalTokenCount": 1298}
        if wish == "blocked":
            return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
        parts: list[Any] = [{"text": "Here is your picture."}]
        if not wish:
            content = base64.b64encode(self.files.samples.of(JPEG)).decode()
            parts.append({"inlineData": {"mimeType": "image/png", "data": content}})
        reason = {"safety": "IMAGE_SAFETY", "text": "NO_IMAGE"}.get(wish, "STOP")
        candidate: dict[str, Any] = {"finishReason": reason, "index": 0}
        if wish != "safety":
            candidate["content"] = {"parts": parts, "role": "model"}
        return {"candidates": [candidate], "usageMetadata": usage}


def _content(value: Any) -> bool:
    """The words first, then up to fourteen pictures."""
    if not shaped({"parts": several(lambda _: True, 1, 15)}, {"role": choice("user")})(value):
        return False
    first, *others = value["parts"]
    picture = shaped({"mimeType": choice("image/png", "image/jpeg", "image/webp"), "data": picture_in_base64})
    return shaped({"text": text()})(first) and all(map(shaped({"inlineData": picture}), others))


def _config(image: Fields) -> Any:
    modalities = several(choice("TEXT", "IMAGE"), 1, 2)
    return shaped({}, {"responseModalities": modalities, "imageConfig": shaped({}, image)})


def need_key(asked: Asked, key: str) -> None:
    """Raises Refusal without the key, and in another way for a wrong one."""
    given = asked.headers.get("x-goog-api-key")
    if given is None:
        raise refusal(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
    if given != key:
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
        raise refusal(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", details)


def need(body: Any, required: Fields, optional: Fields) -> None:
    """Raises Refusal for a body that is not as it has to be."""
    found = wrong(body, required, optional)
    if found is not None:
        raise refusal(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {' '.join(found)}")


def refusal(status: int, word: str, message: str, details: Any = None) -> Refusal:
    """An error as Google's interfaces tell it."""
    error = {"code": status, "message": message, "status": word}
    return Refusal({"error": {**error, "details": details} if details else error}, status)
