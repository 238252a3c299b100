"""What other programs wrote into pictures is read, and whatever else lies there does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_samples import clip, corner
from PIL import Image, PngImagePlugin

from apom.config import LIMITS
from apom.media.recipes import LARGEST_SEED, NOTHING, Recipe, read_recipe, recipe_of

A1111 = (
    "harbour at dawn, <lora:boats:0.8>\nsoft light\nNegative prompt: blurry, text\n"
    "Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 832x1216, Model hash: abc, Model: sea_xl, "
    'Lora hashes: "boats: 1f2e, sails: 3d4c", Version: v1.10.1'
)
COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42,
            "steps": 20,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sea_xl.safetensors"}},
    "10": {"class_type": "LoraLoader", "inputs": {"lora_name": "boats", "model": ["4", 0], "clip": ["4", 1]}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["11", 0], "clip": ["10", 1]}},
    "11": {"class_type": "StringConcat", "inputs": {"string": "harbour at dawn"}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["10", 1]}},
}
FLUX = {
    "13": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"noise": ["25", 0], "guider": ["22", 0], "sampler": ["16", 0]},
    },
    "25": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
    "22": {"class_type": "BasicGuider", "inputs": {"model": ["12", 0], "conditioning": ["26", 0]}},
    "26": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["6", 0]}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "harbour at dawn", "clip": ["11", 0]}},
    "12": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
}
INVOKE = {
    "positive_prompt": "harbour at dawn",
    "negative_prompt": "blurry",
    "seed": 9,
    "steps": 30,
    "cfg_scale": 7.5,
    "scheduler": "euler",
    "model": {"name": "sea xl", "hash": "blake3:1"},
}
READ = {
    "A1111": (
        {"parameters": A1111},
        Recipe(
            prompt="harbour at dawn, <lora:boats:0.8>\nsoft light",
            model="sea_xl",
            seed=1234567890,
            config={
                "made_with": "A1111",
                "negative_prompt": "blurry, text",
                "steps": "28",
                "cfg": "6.5",
                "sampler": "DPM++ 2M Karras",
            },
        ),
    ),
    "A1111 without settings": (
        {"parameters": "just words"},
        Recipe(prompt="just words", config={"made_with": "A1111"}),
    ),
    "ComfyUI": (
        {"prompt": json.dumps(COMFY), "workflow": "{}"},
        Recipe(
            prompt="harbour at dawn",
            model="sea_xl.safetensors",
            seed=42,
            config={
                "made_with": "ComfyUI",
                "negative_prompt": "blurry",
                "steps": 20,
                "cfg": 7.0,
                "sampler": "euler",
                "scheduler": "normal",
                "denoise": 1,
            },
        ),
    ),
    "ComfyUI with a guider": (
        {"prompt": json.dumps(FLUX)},
        Recipe(prompt="harbour at dawn", model="flux1-dev.safetensors", seed=77, config={"made_with": "ComfyUI"}),
    ),
    "InvokeAI": (
        {"invokeai_metadata": json.dumps(INVOKE)},
        Recipe(
            prompt="harbour at dawn",
            model="sea xl",
            seed=9,
            config={"made_with": "InvokeAI", "negative_prompt": "blurry", "steps": 30, "cfg": 7.5, "sampler": "euler"},
        ),
    ),
    "NovelAI": (
        {
            "Software": "NovelAI",
            "Source": "Anime V3",
            "Comment": '{"prompt": "harbour", "uc": "text", "seed": 5, "steps": 28, "scale": 5}',
        },
        Recipe(
            prompt="harbour",
            model="Anime V3",
            seed=5,
            config={"made_with": "NovelAI", "negative_prompt": "text", "steps": 28, "cfg": 5},
        ),
    ),
    "apom": (
        {"apom": '{"prompt": "harbour", "model": "sandbox/sandbox-image", "seed": 3}'},
        Recipe(prompt="harbour", model="sandbox/sandbox-image", seed=3),
    ),
}


@pytest.mark.parametrize("program", READ)
def test_what_a_program_wrote_is_read(program: str) -> None:
    texts, recipe = READ[program]
    assert recipe_of(texts) == recipe


@pytest.mark.parametrize("program", READ)
def test_it_is_found_in_a_png(program: str, tmp_path: Path) -> None:
    texts, recipe = READ[program]
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        (info.add_itxt if name == "apom" else info.add_text)(name, text, zip=len(text) > 200)
    corner().save(tmp_path / "x.png", pnginfo=info)
    assert read_recipe(tmp_path / "x.png") == recipe


@pytest.mark.parametrize("letters", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("reader", ["JPEG", "WEBP"])
def test_a1111_writes_into_exif_in_either_order_of_bytes(reader: str, letters: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode(letters)
    corner().save(tmp_path / "x", reader, exif=exif)
    assert read_recipe(tmp_path / "x") == READ["A1111"][1]


def test_comfyui_writes_into_the_tags_of_a_webp(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + json.dumps(COMFY)
    exif[0x010F] = "workflow:{}"
    corner().save(tmp_path / "x.webp", exif=exif)
    assert read_recipe(tmp_path / "x.webp") == READ["ComfyUI"][1]


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    circle = {
        "1": {"inputs": {"seed": 1, "positive": ["2", 0], "model": ["2", 0]}},
        "2": {"inputs": {"text": ["2", 0], "model": ["2", 0]}},
    }
    assert recipe_of({"prompt": json.dumps(circle)}).prompt == ""
    wide = {"1": {"inputs": {"seed": 1, "positive": ["2", 0]}}} | {
        str(n): {"inputs": {name: [str(n + 1), 0] for name in "abcdefgh"}} for n in range(2, 40)
    }
    assert recipe_of({"prompt": json.dumps(wide)}).prompt == "", "eight ways at each of forty crossings"
    assert recipe_of({"prompt": "[" * 100_000}) == NOTHING
    assert recipe_of({"invokeai_metadata": '{"a":' * 100_000}) == NOTHING


def test_what_is_read_is_bounded_and_tidy() -> None:
    long = recipe_of(
        {"parameters": "x\u202e\0" * 30_000 + f"\nSteps: 1, Seed: {LARGEST_SEED + 1}, Model: " + "m" * 500}
    )
    assert len(long.prompt) == LIMITS.prompt_chars and set(long.prompt) == {"x"}
    assert len(long.model) == LIMITS.name_chars
    assert long.seed is None, "no row can hold it"


@given(
    st.dictionaries(
        st.sampled_from(["parameters", "prompt", "apom", "invokeai_metadata", "Comment", "Software"]),
        st.one_of(
            st.text(max_size=200),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["inputs", "seed", "positive", "text", "model", "prompt", "1"]),
                        inner,
                        max_size=3,
                    )
                ),
                max_leaves=12,
            ).map(json.dumps),
        ),
    )
)
def test_anything_may_stand_there(texts: dict[str, str]) -> None:
    recipe_of(texts)


def test_what_has_no_recipe_says_nothing(tmp_path: Path) -> None:
    assert read_recipe(clip(tmp_path / "x.mp4", seconds=0.5)) == NOTHING
    (tmp_path / "x.txt").write_text("parameters")
    assert read_recipe(tmp_path / "x.txt") == NOTHING
    corner().save(tmp_path / "x.png")
    assert read_recipe(tmp_path / "x.png") == NOTHING
