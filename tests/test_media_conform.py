"""Clips as editors cut them: the rate is exact, the length is kept to the frame, the sound stays where it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from apom.errors import BadMedia
from apom.media.conform import SOUND_RATE, Conformed, write_clip, write_sound

LEVELS = 8  # grey levels that survive every codec
RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60)]


def film(
    path: Path,
    times: list[float],
    *,
    lasts: float = 1 / 24,
    beep_at: float | None = None,
    audio_rate: int = 44_100,
    size: tuple[int, int] = (64, 48),
    turn: int = 0,
) -> Path:
    """A clip whose frames begin at these seconds, frame n in grey n % LEVELS; a click in the sound at `beep_at`."""
    base = Fraction(1, 12_000)
    with av.open(str(path), "w") as made:
        stream: Any = made.add_stream("libx264", rate=24, options={"crf": "10", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = base
        if turn:
            stream.set_display_rotation(turn)
        sound: Any = made.add_stream("aac", rate=audio_rate, layout="stereo") if beep_at is not None else None
        ends = {
            round(at / base): round(end / base) for at, end in zip(times, [*times[1:], times[-1] + lasts], strict=True)
        }

        def put(packets: Any) -> None:
            for packet in packets:
                packet.duration = ends[packet.pts] - packet.pts
                made.mux(packet)

        for n, at in enumerate(times):
            grey = np.full((size[1], size[0], 3), 16 + n % LEVELS * 28, "uint8")
            frame: Any = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(at / base), base
            put(stream.encode(frame))
        put(stream.encode(None))
        if sound is not None:
            samples = np.zeros((2, round((times[-1] + lasts) * audio_rate)), "float32")
            at = round((beep_at or 0.0) * audio_rate)
            samples[:, at : at + audio_rate // 50] = np.sin(np.arange(audio_rate // 50) * 0.2) * 0.9
            for start in range(0, samples.shape[1], 1024):
                part: Any = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[:, start : start + 1024]), format="fltp", layout="stereo"
                )
                part.sample_rate, part.pts, part.time_base = audio_rate, start, Fraction(1, audio_rate)
                made.mux(sound.encode(part))
            made.mux(sound.encode(None))
    return path


def steady(seconds: float, fps: float) -> list[float]:
    return [n / fps for n in range(round(seconds * fps))]


def read(path: Path) -> tuple[dict[str, Any], list[int], Any]:
    """(facts, the grey of each frame as its number in LEVELS, the left channel)."""
    with av.open(str(path)) as made:
        stream: Any = made.streams.video[0]
        facts: dict[str, Any] = {
            "rate": stream.average_rate,
            "frames": stream.frames,
            "codec": stream.codec_context.name,
        }
        facts["streams"] = [(s.type, s.metadata.get("timecode"), s.metadata.get("reel_name")) for s in made.streams]
        times, greys = [], []
        frame: Any
        for frame in made.decode(stream):
            times.append(Fraction(frame.pts) * frame.time_base)
            grey = float(frame.to_ndarray(format="gray").mean())
            greys.append(round((grey - 16) / 28))
        facts["times"] = times
    heard = [np.zeros(0, "int16")]
    with av.open(str(path)) as made:
        if made.streams.audio:
            heard += [frame.to_ndarray().reshape(-1)[::2] for frame in made.decode(audio=0)]
    return facts, greys, np.concatenate(heard)


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_exact_and_the_length_is_kept(tmp_path: Path, rate: Fraction) -> None:
    film(tmp_path / "in.mp4", steady(2, 24), beep_at=1.0)
    made = write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", rate, reel="1a2b3c4d")
    facts, greys, heard = read(tmp_path / "out.mov")
    expected = round(2 * rate)
    assert made == Conformed(frames=expected, width=64, height=48, has_sound=True)
    assert facts["rate"] == rate and facts["frames"] == len(greys) == expected and facts["codec"] == "prores"
    assert facts["times"] == [n / rate for n in range(expected)]
    assert ("video", "01:00:00:00", None) in [(kind, code, None) for kind, code, _ in facts["streams"]]
    assert ("data", "01:00:00:00", "1a2b3c4d") in facts["streams"]
    shown = [int((n + 0.5) / rate * 24) % LEVELS for n in range(expected)]
    assert greys == shown
    assert abs(len(heard) - expected / rate * SOUND_RATE) <= 1
    assert abs(int(np.argmax(np.abs(heard) > 3000)) / SOUND_RATE - 1.0) < 0.01


def test_a_rate_that_wavers_becomes_constant(tmp_path: Path) -> None:
    times = [0.0, 0.03, 0.2, 0.21, 0.5, 0.9, 0.95, 1.4]
    film(tmp_path / "in.mp4", times, lasts=0.6, beep_at=1.5)
    write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", Fraction(25), coding="h264")
    facts, greys, heard = read(tmp_path / "out.mov")
    assert len(greys) == 50 and facts["codec"] == "h264"
    assert greys == [max(k for k, at in enumerate(times) if at <= (n + 0.5) / 25) for n in range(50)]
    assert abs(int(np.argmax(np.abs(heard) > 3000)) / SOUND_RATE - 1.5) < 0.01
    with av.open(str(tmp_path / "out.mov")) as made:
        assert all(packet.is_keyframe for packet in made.demux(video=0) if packet.pts is not None)


def test_milliseconds_of_matroska_lose_no_frame(tmp_path: Path) -> None:
    film(tmp_path / "in.mkv", steady(2, 24))
    made = write_clip(tmp_path / "in.mkv", tmp_path / "out.mov", Fraction(24))
    assert (made.frames, made.has_sound) == (48, False)
    assert read(tmp_path / "out.mov")[1] == [n % LEVELS for n in range(48)]


def test_a_clip_from_a_phone_stands_upright(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", steady(0.5, 24), size=(64, 32), turn=90)
    made = write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", Fraction(24))
    assert (made.width, made.height) == (32, 64)


def test_sound_and_picture_may_begin_apart(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", [at + 0.5 for at in steady(1, 24)], beep_at=1.0, audio_rate=48_000)
    made = write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", Fraction(24))
    _, _, heard = read(tmp_path / "out.mov")
    assert made.frames == 24 and len(heard) == SOUND_RATE
    assert abs(int(np.argmax(np.abs(heard) > 3000)) / SOUND_RATE - 0.5) < 0.01


def test_one_frame_is_a_clip_and_damage_is_none(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", [0.0], lasts=0.001)
    assert write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", Fraction(24)).frames == 1
    (tmp_path / "bad.mp4").write_bytes((tmp_path / "in.mp4").read_bytes()[:200])
    with pytest.raises(BadMedia):
        write_clip(tmp_path / "bad.mp4", tmp_path / "bad.mov", Fraction(24))
    (tmp_path / "list.mp4").write_text("#EXTM3U\nin.mp4\n")
    with pytest.raises(BadMedia):
        write_clip(tmp_path / "list.mp4", tmp_path / "bad.mov", Fraction(24))


def test_who_listens_may_end_it(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", steady(2, 24))

    def stop(share: float) -> None:
        assert 0 <= share <= 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(tmp_path / "in.mp4", tmp_path / "out.mov", Fraction(24), on_progress=stop)


def test_sound_becomes_wav(tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", steady(1, 24), beep_at=0.5)
    assert abs(write_sound(tmp_path / "in.mp4", tmp_path / "out.wav") - 1.0) < 0.05
    with av.open(str(tmp_path / "out.wav")) as made:
        assert made.streams.audio[0].codec_context.name == "pcm_s24le"
