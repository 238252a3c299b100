"""The prompt, the seed and the model that other programs wrote into a picture: A1111, ComfyUI, InvokeAI, NovelAI, and we.

What lies in a file is anybody's text: it is bounded, tidied, and never more than words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

from apom.config import LIMITS, MB, Limits
from apom.errors import ApomError
from apom.fields import one_line, tidy
from apom.media.sniff import HEAD, sniff
from apom.models import AssetType, Json

LONGEST = 4 * MB  # characters of one text that is looked at: a graph of ComfyUI's may have a megabyte
NODES = 64  # of a graph, on the way from the sampler to the words
LARGEST_SEED = 2**63 - 1
COMMENT, EXIF, MAKE, MODEL, DESCRIPTION = 0x9286, 0x8769, 0x010F, 0x0110, 0x010E
OUR_XMP = re.compile(rb"<apom:recipe>([^<]*)</apom:recipe>")  # as `apom.media.labels` writes it
SETTING = re.compile(r'\s*([\w /-]+):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)')
WORDS = ("text", "text_g", "prompt", "string", "value", "t5xxl", "clip_l", "text_positive", "positive_prompt")
FILES = ("ckpt_name", "unet_name", "model_name", "gguf_name")
KEPT = {"steps": "steps", "cfg": "cfg", "sampler_name": "sampler", "scheduler": "scheduler", "denoise": "denoise"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a picture was made, as far as it says. `config`: what else it tells, by name."""

    prompt: str = ""
    model: str = ""
    seed: int | None = None
    config: Json = field(default_factory=dict)


NOTHING = Recipe()


def read_recipe(path: Path, limits: Limits = LIMITS) -> Recipe:
    """What the picture at `path` says; nothing for a clip, for a file that is none, and for words nobody understands."""
    try:
        with path.open("rb") as file:
            kind = sniff(file.read(HEAD))
        return recipe_of(_texts(path, kind.reader, limits)) if kind.asset_type is AssetType.IMAGE else NOTHING
    except ApomError:
        return NOTHING


def recipe_of(texts: Mapping[str, str]) -> Recipe:
    """The recipe in a picture's texts, by their keywords."""
    for read in (_apom, _invoke, _novel, _comfy, _a1111):
        try:
            found = read(texts)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):  # it only looks like one
            continue
        if found is not None:
            return _bounded(found)
    return NOTHING


def _texts(path: Path, reader: str, limits: Limits) -> dict[str, str]:
    """Texts of a PNG by keyword, else those in EXIF under the keywords that their programs would give them in a PNG."""
    from apom.media import images

    with images.opened(path, reader, limits) as image:
        if reader == "PNG":
            image.load()  # some texts stand behind the pixels
        said = {str(name): str(text) for name, text in getattr(image, "text", {}).items()}
        xmp = image.info.get("xmp")
        exif = image.getexif()
        comment = exif.get_ifd(EXIF).get(COMMENT)
        tags = [exif.get(tag) for tag in (MAKE, MODEL, DESCRIPTION)]
    if isinstance(xmp, bytes) and (ours := OUR_XMP.search(xmp)):
        said.setdefault("apom", unescape(ours[1].decode("utf-8", "replace")))
    for tag in tags:  # ComfyUI writes into WebP: "prompt:{...}"
        name, _, text = str(tag or "").partition(":")
        if name.lower() in ("prompt", "workflow"):
            said.setdefault(name.lower(), text)
    if isinstance(comment, bytes):
        said.setdefault("parameters", _comment(comment))
    return {name: text for name, text in said.items() if len(text) <= LONGEST}


def _comment(raw: bytes) -> str:
    """EXIF's UserComment: eight bytes say in which letters (CIPA DC-008); A1111 writes UTF-16, in either order."""
    code, text = raw[:8], raw[8:]
    if code != b"UNICODE\0":
        return text.decode("utf-8", "replace").strip("\0")
    zeros = text[0:200:2].count(0), text[1:200:2].count(0)
    return text.decode("utf-16-be" if zeros[0] >= zeros[1] else "utf-16-le", "replace")


def _apom(texts: Mapping[str, str]) -> Recipe | None:
    if "apom" not in texts:
        return None
    said = json.loads(texts["apom"])
    return Recipe(prompt=said.get("prompt") or "", model=said.get("model") or "", seed=_seed(said.get("seed")))


def _invoke(texts: Mapping[str, str]) -> Recipe | None:
    if "invokeai_metadata" not in texts:
        return None
    said = json.loads(texts["invokeai_metadata"])
    model = said.get("model") or {}
    return Recipe(
        prompt=said.get("positive_prompt") or "",
        model=model.get("name") or model.get("model_name") or "",
        seed=_seed(said.get("seed")),
        config=_config(
            "InvokeAI",
            negative=said.get("negative_prompt"),
            steps=said.get("steps"),
            cfg=said.get("cfg_scale"),
            sampler=said.get("scheduler"),
        ),
    )


def _novel(texts: Mapping[str, str]) -> Recipe | None:
    if texts.get("Software") != "NovelAI" or "Comment" not in texts:
        return None
    said = json.loads(texts["Comment"])
    return Recipe(
        prompt=said.get("prompt") or texts.get("Description", ""),
        model=texts.get("Source", ""),
        seed=_seed(said.get("seed")),
        config=_config("NovelAI", negative=said.get("uc"), steps=said.get("steps"), cfg=said.get("scale")),
    )


def _a1111(texts: Mapping[str, str]) -> Recipe | None:
    """`prompt`, `Negative prompt: …`, then one line of settings that begins with `Steps:`."""
    if "parameters" not in texts:
        return None
    words, found, rest = texts["parameters"].rpartition("\nSteps:")
    settings = {name.strip(): value.strip(' "') for name, value in SETTING.findall(f"Steps:{rest}" if found else "")}
    prompt, _, negative = (words if found else texts["parameters"]).partition("\nNegative prompt:")
    return Recipe(
        prompt=prompt.removeprefix("Negative prompt:"),
        model=settings.get("Model", ""),
        seed=_seed(settings.get("Seed")),
        config=_config(
            "A1111",
            negative=negative,
            steps=settings.get("Steps"),
            cfg=settings.get("CFG scale"),
            sampler=settings.get("Sampler"),
        ),
    )


def _comfy(texts: Mapping[str, str]) -> Recipe | None:
    """The graph that was run: from the sampler back to the words and the model."""
    if not texts.get("prompt", "").lstrip().startswith("{"):
        return None
    graph = _Graph(json.loads(texts["prompt"]))
    sampler = graph.sampler()
    prompt = graph.words(sampler.get("positive")) or graph.guided(sampler) or graph.any_words()
    seed = sampler.get("seed", sampler.get("noise_seed"))
    seed = graph.value(seed, ("seed", "noise_seed", "value")) if isinstance(seed, list) else seed
    if seed is None:
        seed = graph.value(sampler.get("noise"), ("noise_seed", "seed"))
    return Recipe(
        prompt=prompt,
        model=graph.model(sampler.get("model")) or graph.any_model(),
        seed=_seed(seed),
        config=_config(
            "ComfyUI",
            negative=graph.words(sampler.get("negative")),
            **{name: sampler.get(key) for key, name in KEPT.items()},
        ),
    )


class _Graph:
    """Nodes by id, each with `inputs`, of which some are links: [id of a node, which of its outputs]."""

    def __init__(self, nodes: dict[str, Any]) -> None:
        self._nodes = {id: node for id, node in nodes.items() if isinstance(node.get("inputs"), dict)}

    def sampler(self) -> dict[str, Any]:
        """The inputs of the node that draws: it has words or guidance, and a seed or noise."""
        for inputs in self._inputs():
            if ("positive" in inputs or "guider" in inputs) and {"seed", "noise_seed", "noise"} & inputs.keys():
                return inputs
        return {}

    def words(self, link: object) -> str:
        """The text that a link leads to. Links may lead in circles: no node is looked at twice."""
        return self._words(link, set())

    def _words(self, link: object, looked: set[str]) -> str:
        if isinstance(link, str):
            return link
        if not isinstance(link, list) or not link or str(link[0]) in looked or len(looked) >= NODES:
            return ""
        looked.add(str(link[0]))
        inputs = self._behind(link)
        named = [inputs[name] for name in WORDS if name in inputs]
        links = [value for value in inputs.values() if isinstance(value, list)]
        return next((found for each in named + links if (found := self._words(each, looked))), "")

    def guided(self, sampler: Mapping[str, Any]) -> str:
        """The text behind a guider, which newer graphs have in place of `positive`."""
        inputs = self._behind(sampler.get("guider"))
        return self.words(inputs.get("positive", inputs.get("conditioning")))

    def value(self, link: object, names: tuple[str, ...]) -> object:
        """The number of one of these names in the node that a link leads to."""
        inputs = self._behind(link)
        return next((inputs[name] for name in names if name in inputs), None)

    def model(self, link: object) -> str:
        """The file that the model was loaded from: behind LoRAs and other changes to it."""
        for _ in range(NODES):
            inputs = self._behind(link)
            named = next((inputs[name] for name in FILES if isinstance(inputs.get(name), str)), "")
            if named or "model" not in inputs:
                return named
            link = inputs["model"]
        return ""

    def any_words(self) -> str:
        """The first text of all."""
        return next((each["text"] for each in self._inputs() if isinstance(each.get("text"), str)), "")

    def any_model(self) -> str:
        """The first file of all."""
        return next((each[name] for each in self._inputs() for name in FILES if isinstance(each.get(name), str)), "")

    def _inputs(self) -> Iterator[dict[str, Any]]:
        return (node["inputs"] for node in self._nodes.values())

    def _behind(self, link: object) -> dict[str, Any]:
        if not isinstance(link, list) or not link:
            return {}
        found: dict[str, Any] = self._nodes.get(str(link[0]), {}).get("inputs", {})
        return found


def _config(program: str, *, negative: object = None, **more: object) -> Json:
    """What is known beside prompt, model and seed; nothing that is not."""
    said: dict[str, object] = {"made_with": program, "negative_prompt": negative, **more}
    return {name: value for name, value in said.items() if isinstance(value, str | int | float) and value != ""}


def _seed(said: object) -> int | None:
    """A seed that a row can hold: ComfyUI's go up to 2^64, and beyond 2^63 it stays in the picture alone."""
    try:
        seed = int(str(said))
    except ValueError:
        return None
    return seed if abs(seed) <= LARGEST_SEED else None


def _bounded(recipe: Recipe) -> Recipe:
    config = {name: tidy(v)[: LIMITS.prompt_chars] if isinstance(v, str) else v for name, v in recipe.config.items()}
    return Recipe(
        prompt=tidy(str(recipe.prompt))[: LIMITS.prompt_chars],
        model=one_line(str(recipe.model))[: LIMITS.name_chars],
        seed=recipe.seed,
        config=config,
    )
