"""Black Forest Labs, read at docs.bfl.ai and in @ai-sdk: it is asked at an address of its own, and tells its price at once."""

from __future__ import annotations

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
    step,
    text,
    whole,
    wrong,
)

MODELS = ("flux-2-pro", "flux-2-max")
OPTIONAL: Fields = {
    "width": whole(64, 4096),
    "height": whole(64, 4096),
    "seed": whole(0, 2**32 - 1),
    "output_format": choice("png", "jpeg"),
    "safety_tolerance": whole(0, 6),
    "webhook_url": text(),
    "webhook_secret": text(),
    "input_image": picture_in_base64,
    **{f"input_image_{number}": picture_in_base64 for number in range(2, 9)},
}


class BFL(Contract):
    """Wishes: `Request Moderated`, `Content Moderated`, `Error`, `402`, `429`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("x-key") != self.KEY:
            raise Refusal({"detail": "Not authenticated - Invalid Authentication"}, 403)
        if (asked.method, asked.path) == ("GET", "/v1/get_result"):
            return self._result(asked.query.get("id", ""))
        model = asked.path.removeprefix("/v1/")
        if asked.method != "POST" or model not in MODELS:
            raise Refusal({"detail": "Not Found"}, 404)
        wish = self.take_wish()
        if wish.isdigit():
            raise Refusal({"detail": {"402": "Insufficient credits", "429": "Too many active tasks"}[wish]}, int(wish))
        found = wrong(asked.body, {"prompt": text()}, OPTIONAL)
        if found is not None:
            raise Refusal({"detail": [{"loc": ["body", found[0]], "msg": " ".join(found), "type": "value_error"}]}, 422)
        task = self.order(model, asked.body["prompt"], asked.body, wish)
        polling_url = f"{self.url}/v1/get_result?id={task.id}"
        return said({"id": task.id, "polling_url": polling_url, "cost": 3.0, "input_mp": 0.0, "output_mp": 1.0})

    def _result(self, id: str) -> Response:
        task = self.task(id)
        if task is None:
            return said({"id": id, "status": "Task not found", "result": None})
        word = step(task, ("Pending", "Pending", task.wish or "Ready"))
        result = {"sample": self.files.at(JPEG, id), "prompt": task.prompt, "seed": 7} if word == "Ready" else None
        return said({"id": id, "status": word, "result": result, "progress": None, "details": None})
