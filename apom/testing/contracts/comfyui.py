"""ComfyUI, read in its server.py and execution.py: a graph of nodes, and a history that is empty until the end.

The customer may choose the id; the same graph again comes from the cache, without an output; previews are listed beside
results, and each file has a question of its own. Nothing is paid.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from apom.testing.contracts.base import (
    PNG,
    Asked,
    Contract,
    Fields,
    Refusal,
    Task,
    said,
    sent_picture,
    step,
    text,
    wrong,
)

# class -> names of the inputs it needs
NODES: dict[str, tuple[str, ...]] = {
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CLIPTextEncode": ("text", "clip"),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "KSampler": (
        "seed", "steps", "cfg", "sampler_name", "scheduler", "denoise", "model", "positive", "negative", "latent_image",
    ),
    "LoadImage": ("image",),
    "SaveImage": ("images", "filename_prefix"),
    "VAEDecode": ("samples", "vae"),
    "VAEEncode": ("pixels", "vae"),
}  # fmt: skip
CHECKPOINTS = ("sd_xl_base_1.0.safetensors",)
OPTIONAL: Fields = {"client_id": text(), "prompt_id": text(), "extra_data": lambda _: True}


class ComfyUI(Contract):
    """Wishes: `error` (a node fails), `old` (a server that chooses the id itself), `forgets` (it was restarted)."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.uploads: list[str] = []
        self.deleted: list[str] = []

    def answer(self, asked: Asked) -> Response:
        match asked.method, asked.path.split("/")[1:]:
            case "POST", ["upload", "image"]:
                return self._upload(asked.body)
            case "POST", ["prompt"]:
                return self._queue(asked.body)
            case "GET", ["history", id]:
                return said(self._history(id))
            case "GET", ["view"]:
                return self._view(asked)
            case "POST", ["queue"]:
                self.deleted += asked.body["delete"]
                return Response()
        return Response("404: Not Found", 404)

    def _upload(self, body: Any) -> Response:
        fields = dict(body) if isinstance(body, list) else {}
        file = fields.get("image")
        if not sent_picture(file):
            return Response(status_code=400)
        self.uploads.append(file.filename)
        return said({"name": file.filename, "subfolder": "", "type": fields.get("type", "input")})

    def _queue(self, body: Any) -> Response:
        found = wrong(body, {"prompt": lambda graph: isinstance(graph, dict) and bool(graph)}, OPTIONAL)
        errors = (
            {} if found else {id: error for id, node in body["prompt"].items() if (error := self._error(node, body))}
        )
        if found or errors:
            error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}
            raise Refusal({"error": {**error, "details": "", "extra_info": {}}, "node_errors": errors}, 400)
        graph = body["prompt"]
        prompt = next(node["inputs"]["text"] for node in graph.values() if node["class_type"] == "CLIPTextEncode")
        is_cached = any(task.input == graph for task in self.tasks)
        wish = self.take_wish()
        task = self.order("graph", prompt, graph, "cached" if is_cached else wish)
        if wish != "old" and "prompt_id" in body:
            task.id = str(body["prompt_id"])
        return said({"prompt_id": task.id, "number": self.creates, "node_errors": {}})

    def _error(self, node: Any, body: Any) -> dict[str, Any] | None:
        """What is wrong with a node of the graph."""
        kind, inputs = node.get("class_type"), node.get("inputs", {})
        message = ""
        if kind not in NODES or set(inputs) != set(NODES.get(kind, ())):
            message = "required_input_missing"
        elif any(isinstance(value, list) and value[0] not in body["prompt"] for value in inputs.values()):
            message = "bad_linked_input"
        elif inputs.get("ckpt_name", CHECKPOINTS[0]) not in CHECKPOINTS:
            message = "value_not_in_list"
        elif kind == "LoadImage" and inputs["image"] not in self.uploads:
            message = "custom_validation_failed"
        return {"errors": [{"type": message, "message": message}], "class_type": kind} if message else None

    def _history(self, id: str) -> dict[str, Any]:
        task = self.task(id)
        if task is None or task.wish == "forgets" or step(task, ("", "", "done")) != "done":
            return {}
        outputs = {} if task.wish in ("cached", "error") else self._outputs(task)
        status = {"status_str": "success", "completed": True, "messages": [["execution_start", {"prompt_id": id}]]}
        if task.wish == "error":
            failure = {"node_id": "3", "node_type": "KSampler", "exception_message": "Allocation on device failed"}
            messages = [["execution_start", {}], ["execution_error", failure]]
            status = {"status_str": "error", "completed": False, "messages": messages}
        return {id: {"prompt": [1, id, task.input, {}, ["9"]], "outputs": outputs, "status": status}}

    def _outputs(self, task: Task) -> dict[str, Any]:
        result = {"filename": f"apom a&b_{task.id}_.png", "subfolder": "day 1", "type": "output"}
        preview = {"filename": "preview.png", "subfolder": "", "type": "temp"}
        return {"9": {"images": [result]}, "10": {"images": [preview], "animated": [False]}}

    def _view(self, asked: Asked) -> Response:
        named = [f["filename"] for task in self.tasks for f in self._outputs(task)["9"]["images"]]
        is_there = asked.query.get("filename") in named and asked.query.get("subfolder") == "day 1"
        if not is_there or asked.query.get("type") != "output":
            return Response(status_code=404)
        return Response(self.files.samples.of(PNG), media_type="image/png")
