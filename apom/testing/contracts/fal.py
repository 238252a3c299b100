"""fal.ai's queue, read in fal_client 1.0.3 and at docs.fal.ai: addresses of its own for each request.

The queue takes any body: a wrong one is COMPLETED, and the refusal is the answer to asking for the result.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    JPEG,
    MP4,
    Asked,
    Contract,
    Fields,
    Refusal,
    Task,
    choice,
    flag,
    number,
    picture_as_data_uri,
    said,
    step,
    text,
    whole,
    wrong,
)

SIZES = ("square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9")
SEEDANCE: Fields = {
    "aspect_ratio": choice("21:9", "16:9", "4:3", "1:1", "3:4", "9:16"),
    "resolution": choice("480p", "720p", "1080p"),
    "duration": choice(*(str(seconds) for seconds in range(4, 13))),
    "camera_fixed": flag,
    "seed": whole(-1, 2**31 - 1),
    "enable_safety_checker": flag,
    "generate_audio": flag,
}
MODELS: dict[str, tuple[Fields, Fields]] = {
    "fal-ai/flux/dev": (
        {"prompt": text()},
        {
            "image_size": choice(*SIZES),
            "num_inference_steps": whole(1, 50),
            "guidance_scale": number(1, 20),
            "num_images": whole(1, 4),
            "enable_safety_checker": flag,
            "output_format": choice("jpeg", "png"),
            "acceleration": choice("none", "regular", "high"),
            "seed": whole(0, 2**32 - 1),
        },
    ),
    "fal-ai/bytedance/seedance/v1.5/pro/text-to-video": ({"prompt": text()}, SEEDANCE),
    "fal-ai/bytedance/seedance/v1.5/pro/image-to-video": (
        {"prompt": text(), "image_url": picture_as_data_uri},
        {**SEEDANCE, "end_image_url": picture_as_data_uri},
    ),
}


class Fal(Contract):
    """Wishes: `error` (COMPLETED with an error), `detail`, `policy` (the result is refused), `balance`, `429`."""

    def answer(self, asked: Asked) -> Response:
        if asked.headers.get("authorization") != f"Key {self.KEY}":
            raise Refusal({"detail": "Cannot access application. Authentication is required."}, 401)
        path = asked.path.strip("/")
        app, is_request, rest = path.partition("/requests/")
        if not is_request:
            return self._submit(asked, path)
        id, _, what = rest.partition("/")
        task = self.task(id)
        if task is None or app != _owner_and_app(task.model):
            raise Refusal({"detail": "Request not found"}, 404)
        match asked.method, what:
            case "GET", "status":
                return self._status(task)
            case "GET", "":
                return self._result(task)
            case "PUT", "cancel":
                task.is_cancelled = True
                return said({"status": "CANCELLATION_REQUESTED"}, 202)
        raise Refusal({"detail": "Method Not Allowed"}, 405)

    def _submit(self, asked: Asked, model: str) -> Response:
        wish = self.take_wish()
        if wish == "balance":
            raise Refusal(
                {"detail": "User is locked. Reason: Exhausted balance. Top up at fal.ai/dashboard/billing."}, 403
            )
        if wish == "429":
            raise Refusal({"detail": "Too many requests"}, 429)
        if model not in MODELS or asked.method != "POST" or not set(asked.query) <= {"fal_webhook"}:
            raise Refusal({"detail": f"Application '{model}' not found"}, 404)
        body = asked.body
        task = self.order(model, str(body.get("prompt")) if isinstance(body, dict) else "", body, wish)
        at = f"{self.url}/{_owner_and_app(model)}/requests/{task.id}"
        return said(
            {
                "status": "IN_QUEUE",
                "request_id": task.id,
                "response_url": at,
                "status_url": f"{at}/status",
                "cancel_url": f"{at}/cancel",
                "queue_position": 2,
            }
        )

    def _status(self, task: Task) -> Response:
        word = step(task, ("IN_QUEUE", "IN_PROGRESS", "COMPLETED"))
        known = {"status": word, "request_id": task.id}
        if word == "IN_QUEUE":
            return said({**known, "queue_position": 1}, 202)
        if word == "IN_PROGRESS":
            return said({**known, "logs": None}, 202)
        if task.wish == "error":
            return said({**known, "error": "Runner ran out of memory", "error_type": "runner_error", "metrics": {}})
        return said({**known, "logs": None, "metrics": {"inference_time": 1.9}})

    def _result(self, task: Task) -> Response:
        if task.polls < 3:
            raise Refusal({"detail": "Request is still in progress"}, 400)
        found = wrong(task.input, *MODELS[task.model])
        if task.wish in ("detail", "policy"):
            found = "prompt", "was refused"
        if found is not None:
            kind = "content_policy_violation" if task.wish == "policy" else "value_error"
            detail = [{"loc": ["body", found[0]], "msg": " ".join(found), "type": kind}]
            raise Refusal({"detail": detail}, 422, {"x-fal-error-type": kind})
        return said(self._output(task), x_fal_billable_units="1.5")

    def _output(self, task: Task) -> dict[str, Any]:
        if "seedance" in task.model:
            return {"video": {"url": self.files.at(MP4, task.id), "content_type": "video/mp4"}, "seed": 7}
        image = {"url": self.files.at(JPEG, task.id), "width": 1024, "height": 576, "content_type": "image/jpeg"}
        return {"images": [image], "timings": {}, "seed": 7, "has_nsfw_concepts": [False], "prompt": task.prompt}


def _owner_and_app(model: str) -> str:
    """What the addresses of a request name: the sub-path is dropped."""
    return "/".join(model.split("/")[:2])
