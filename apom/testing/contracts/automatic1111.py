"""Automatic1111 and Forge, read in open-webui: the answer holds the pictures, and what is known of them as a JSON text."""

from __future__ import annotations

import base64
import json

from starlette.responses import Response

from apom.testing.contracts.base import (
    PNG,
    Asked,
    Contract,
    Fields,
    Refusal,
    exactly,
    number,
    picture_in_base64,
    said,
    text,
    whole,
    wrong,
)

OPTIONAL: Fields = {
    "negative_prompt": text(),
    "width": whole(64, 2048),
    "height": whole(64, 2048),
    "steps": whole(1, 150),
    "seed": whole(-1, 2**32 - 1),
}
IMAGE: Fields = {"init_images": exactly(picture_in_base64), "denoising_strength": number(0, 1)}


class Automatic1111(Contract):
    """Wishes: `memory`."""

    def answer(self, asked: Asked) -> Response:
        kind = asked.path.removeprefix("/sdapi/v1/")
        if asked.method != "POST" or kind not in ("txt2img", "img2img"):
            raise Refusal({"detail": "Not Found"}, 404)
        wish = self.take_wish()
        if wish == "memory":
            raise Refusal({"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"}, 500)
        found = wrong(asked.body, {"prompt": text(), **(IMAGE if kind == "img2img" else {})}, OPTIONAL)
        if found is not None:
            raise Refusal({"detail": [{"loc": ["body", found[0]], "msg": " ".join(found), "type": "value_error"}]}, 422)
        self.order(kind, asked.body["prompt"], asked.body, wish)
        info = json.dumps({"seed": asked.body.get("seed", 42), "prompt": asked.body["prompt"]})
        picture = base64.b64encode(self.files.samples.of(PNG)).decode()
        return said({"images": [picture], "parameters": asked.body, "info": info})
