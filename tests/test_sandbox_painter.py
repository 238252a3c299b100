"""The sandbox draws: the same words the same pixels, Russian too, and clips that play."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFont

from apom.sandbox.caption import FONT, LINES, wrapped
from apom.sandbox.easel import draw, nearest_size
from apom.sandbox.motion import FPS, animate, opened, window
from apom.sandbox.order import SIZES, read
from apom.sandbox.painter import paint
from apom.sandbox.scene import FIGURE_WORDS, MOODS, PLACE_WORDS, PRODUCT_WORDS, WEATHER_WORDS, scene

SMALL = (96, 54)
TINY = st.tuples(st.integers(8, 64), st.integers(8, 64))


def test_the_same_prompt_and_seed_draw_the_same_file_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from apom.sandbox.painter import paint;"
        "paint('Маяк на закате', 7, (320, 180)).save(sys.argv[1], 'PNG')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)
    paint("Маяк на закате", 7, (320, 180)).save(tmp_path / "b.png", "PNG")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_another_seed_is_another_picture_of_the_same_thing() -> None:
    one, other = scene("harbour at dawn", 1), scene("harbour at dawn", 2)
    assert (one.place, one.mood) == (other.place, other.mood) == ("sea", "dawn")
    assert ImageChops.difference(paint("harbour", 1, SMALL), paint("harbour", 2, SMALL)).getbbox() is not None


@pytest.mark.parametrize(
    ("prompt", "place", "figure", "mood", "weather"),
    [
        ("A lighthouse at sunset", "sea", "lighthouse", "sunset", None),
        ("Маяк ночью", "sea", "lighthouse", "night", None),
        ("neon city street at night after rain, reflections", "city", None, "neon", None),
        ("Ночной город под дождём", "city", None, "night", "rain"),
        ("Rain over the fields", "hills", None, "storm", "rain"),
        ("storm over the ocean, waves against dark cliffs", "sea", None, "storm", None),
        ("Desert dunes at dawn, lone traveller", "desert", "walker", "dawn", None),
        ("Портрет женщины на берегу моря, закат", "sea", "portrait", "sunset", None),
        ("Perfume bottle in a studio", "studio", None, None, None),
        ("Утро в горах, туман", "mountains", None, "dawn", "mist"),
        ("Зимний лес, снег", "forest", None, "winter", "snow"),
        ("Звёздный космос", "space", None, "space", None),
    ],
)
def test_words_decide_what_is_seen(
    prompt: str, place: str, figure: str | None, mood: str | None, weather: str | None
) -> None:
    seen = scene(prompt, 1)
    assert (seen.place, seen.figure, seen.mood, seen.weather) == (place, figure, mood, weather)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_shape_is_drawn_in_its_size(size: tuple[int, int]) -> None:
    small = (size[0] // 8, size[1] // 8)
    image = paint("harbour", 1, small)
    assert (image.size, image.mode) == (small, "RGB")


WORDS = [
    "sea ship lighthouse city neon sign portrait woman man keeper captain walker product perfume can sneaker bottle",
    "space planet forest desert mountains hills rain snow mist rays red green night storm sunset winter день море лес",
]


@settings(max_examples=60, deadline=None)
@given(
    prompt=st.one_of(
        st.text(max_size=300), st.lists(st.sampled_from(" ".join(WORDS).split()), max_size=5).map(" ".join)
    ),
    seed=st.integers(0, 2**31 - 1),
    size=TINY,
)
def test_any_words_in_any_size_are_drawn(prompt: str, seed: int, size: tuple[int, int]) -> None:
    assert paint(prompt, seed, size).size == size


def test_every_place_figure_product_weather_and_mood_is_drawn() -> None:
    for words in (PLACE_WORDS, FIGURE_WORDS, PRODUCT_WORDS, WEATHER_WORDS, MOODS):
        for name in words:
            pixels = np.asarray(paint(f"{name} in a valley" if name in FIGURE_WORDS else name, 3, SMALL), "f4")
            assert pixels.std() > 4, f"{name} is a flat area"


def test_the_caption_has_cyrillic_letters_of_their_own() -> None:
    def letter(text: str) -> bytes:
        image = Image.new("L", (60, 60))
        ImageDraw.Draw(image).text((5, 5), text, font=ImageFont.truetype(FONT, 40), fill=255)
        return image.tobytes()

    missing = letter("\U0001fae8")  # a box, as in every font that lacks it
    assert len({letter("Ж"), letter("Я"), letter("ё"), missing}) == 4


def test_the_caption_differs_where_one_letter_differs() -> None:
    from apom.sandbox.caption import captioned

    ground = Image.new("RGB", (640, 360), (90, 90, 90))
    one, other = (captioned(ground.copy(), text, "SANDBOX · sandbox-image · seed 7") for text in ("Ж", "Я"))
    box = ImageChops.difference(one, other).getbbox()
    assert box is not None
    assert box[1] > 270 and box[2] - box[0] < 40, "only the letter at the lower left"


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=400), width=st.floats(20, 800))
def test_a_caption_fits_into_its_strip(text: str, width: float) -> None:
    font = ImageFont.truetype(FONT, 14)
    lines = wrapped(text, font, width)
    assert len(lines) <= LINES
    assert all(font.getlength(line) <= width and line.isprintable() for line in lines)


def test_a_long_prompt_ends_with_an_ellipsis_and_a_short_one_does_not() -> None:
    font = ImageFont.truetype(FONT, 14)
    assert wrapped("слово " * 100, font, 300)[-1].endswith("…")
    assert wrapped("слово", font, 300) == ["слово"]


def test_a_clip_plays_with_the_length_size_and_codec_that_were_asked_for(tmp_path: Path) -> None:
    animate(paint("harbour", 1, (320, 180)), tmp_path / "a.mp4", seconds=3, seed=5, size=(320, 180))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 320, 180)
        assert stream.average_rate == FPS
        assert float(stream.duration * stream.time_base) == pytest.approx(3, abs=0.05)
        assert int(context.colorspace) == 1, "BT.709, as players expect"
        frames = [frame.to_ndarray(format="gray").astype("f4") for frame in container.decode(video=0)]
    assert len(frames) == 3 * FPS
    steps = [float(np.abs(b - a).mean()) for a, b in pairwise(frames)]
    assert float(np.abs(frames[-1] - frames[0]).mean()) > 2, "it moves"
    assert max(steps) < 8, "and never jumps"
    head = (tmp_path / "a.mp4").read_bytes()
    assert head.index(b"moov") < head.index(b"mdat"), "it plays before it is there whole"


def test_a_clip_keeps_the_colours_of_its_picture(tmp_path: Path) -> None:
    animate(Image.new("RGB", (160, 90), (200, 60, 40)), tmp_path / "a.mp4", seconds=0.2, seed=1, size=(160, 90))
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        colour = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()[45, 80]
    assert np.abs(colour.astype(int) - (200, 60, 40)).max() <= 4


def test_the_same_clip_is_made_twice_and_another_seed_moves_otherwise(tmp_path: Path) -> None:
    image = paint("harbour", 1, SMALL)
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        animate(image, tmp_path / name, seconds=0.5, seed=seed, size=SMALL)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


@given(
    source=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    angle=st.floats(0, 6.3),
    t=st.floats(0, 1),
    zooms=st.sampled_from([(1.0, 1.16), (1.16, 1.0)]),
)
def test_the_camera_never_leaves_the_picture(
    source: tuple[int, int], angle: float, t: float, zooms: tuple[float, float]
) -> None:
    size = nearest_size(source)
    left, top, right, low = window(source, size, zooms, angle, t)
    assert 0 <= left < right <= source[0] and 0 <= top < low <= source[1]
    assert (right - left) / (low - top) == pytest.approx(size[0] / size[1], rel=0.01)


@pytest.mark.parametrize(
    ("picture", "size"), [((6000, 4000), "4:3"), ((1000, 1000), "1:1"), ((1080, 1920), "9:16"), ((3000, 1000), "21:9")]
)
def test_a_clip_has_the_shape_that_is_nearest_to_its_picture(picture: tuple[int, int], size: str) -> None:
    assert nearest_size(picture) == SIZES[size]


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGBA", (30, 20)).convert("RGB").save(tmp_path / "a.jpg", exif=exif)
    assert (opened(tmp_path / "a.jpg").size, opened(tmp_path / "a.jpg").mode) == ((20, 30), "RGB")


@pytest.mark.usefixtures("full_pictures")
def test_an_order_is_drawn_as_a_whole_file(tmp_path: Path) -> None:
    order = read("sandbox-image", {"prompt": "harbour", "aspect_ratio": "9:16", "resolution": "1080p"})
    draw(order, 7, tmp_path, tmp_path / "out")
    with Image.open(tmp_path / "out") as image:
        assert (image.format, image.size) == ("PNG", (1080, 1920))


@pytest.mark.parametrize("module", ["apom.sandbox", "apom.sandbox.app"])
def test_importing_the_application_brings_nothing_that_draws(module: str) -> None:
    code = f"import {module}, sys; print([m for m in ('numpy', 'PIL', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
