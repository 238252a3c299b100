"""A clip of 2 GB comes in and goes out by the real server, into a folder and into a bucket: how fast, and how much memory.

Beside it, by turns: a server that does nothing but copy, and boto3 alone with the same bucket.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from mmap import ACCESS_READ, mmap
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias
from unittest import mock
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import av
import numpy as np

from apom import runfile, testing
from apom.client import OperatorClient, connect
from apom.config import LIMITS, MB
from benchmarks import servers
from benchmarks.cost import cpu_s, most_memory_mb
from benchmarks.figures import APOM, Aim, Figure, Scale, figure
from benchmarks.people import PASSWORD

SIZES: dict[Scale, int] = {"toy": 3 * MB, "quick": 256 * MB, "full": LIMITS.video_bytes}
ROUNDS: dict[Scale, int] = {"toy": 1, "quick": 1, "full": 5}
COPY, BOTO = "a server that only copies", "boto3 alone"
BOTH = "these two, one after the other"
UP, DOWN = "upload into a folder", "download from a folder"
UP_S3, DOWN_S3 = "upload into a bucket", "download from a bucket"
KEPT_S3, AGAIN_S3 = "again, and a copy is kept here", "again, with its copy here"
SHARE = 0.8  # of the bytes a second of what stands beside it, at least
FPS, SECONDS = 24, 4
FRAMES: dict[Scale, tuple[int, int]] = {"toy": (160, 90), "quick": (1280, 720), "full": (1280, 720)}


@dataclass(kw_only=True)
class Taken:
    """What one way took, each time: CPU of who serves and time until it was done, in seconds; memory gained, in MB."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)


Times: TypeAlias = dict[tuple[str, str], Taken]


def run(scale: Scale) -> list[Figure]:
    """By turns, as often as the scale says; the first time, with a small clip, is not counted."""
    times: Times = defaultdict(Taken)
    with tempfile.TemporaryDirectory(prefix="apom-bench-") as name:
        folder = Path(name)
        scene = shoot(folder / "scene.mp4", FRAMES[scale])
        small, clip = film(scene, folder / "small.mp4", 2 * MB), film(scene, folder / "large.mp4", SIZES[scale])
        turns: list[tuple[Path, Times]] = [(small, defaultdict(Taken)), *[(clip, times)] * ROUNDS[scale]]
        with servers.copier(folder / "copies") as copier, house(folder / "local") as here:
            for path, noted in turns:
                in_folder(here, copier, path, noted)
        if scale != "toy":
            for_bucket(folder, turns)
    if scale != "toy":
        times[UP_S3, BOTH] = after(times[UP, COPY], times[UP_S3, BOTO])
        times[DOWN_S3, COPY] = replace(times[DOWN, COPY], grown=[])
    return figures(times, clip_mb=SIZES[scale] / MB)


def after(first: Taken, second: Taken) -> Taken:
    """What it takes to do one and then the other."""
    return Taken(
        cpu=[one + more for one, more in zip(first.cpu, second.cpu, strict=True)],
        wall=[one + more for one, more in zip(first.wall, second.wall, strict=True)],
    )


def for_bucket(folder: Path, turns: list[tuple[Path, Times]]) -> None:
    """The same with the media in a bucket, on a real S3 server."""
    from apom.testing.s3 import ACCESS, BUCKET, SECRET, S3Server

    (folder / "s3").mkdir()
    server = S3Server(folder / "s3")
    keys = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
    server.start()
    try:
        chosen = {"s3_bucket": BUCKET, "s3_endpoint": server.url, "s3_region": "us-east-1"}
        with mock.patch.dict(os.environ, keys), house(folder / "remote", **chosen) as there:
            for path, noted in turns:
                in_bucket(there, server.client(), BUCKET, path, noted)
    finally:
        server.kill()


def in_folder(here: House, copier: testing.Running, path: Path, noted: Times) -> None:
    """One turn: in and out, ours and theirs."""
    got = path.with_suffix(".got")
    copy = f"{copier.url}/{uuid4()}"
    with timed(noted[UP, COPY], copier.process.pid):
        put(copy, path, path.stat().st_size)
    with timed(noted[UP, APOM], here.pid):
        take = here.upload(path)
    with timed(noted[DOWN, COPY], copier.process.pid):
        get(copy, got)
    with timed(noted[DOWN, APOM], here.pid):
        here.download(take, got)
    assert got.stat().st_size == path.stat().st_size
    put(copy, path, 0)  # makes room
    here.forget(take)
    got.unlink()


def in_bucket(there: House, client: Any, bucket: str, path: Path, noted: Times) -> None:
    """One turn: in and out, ours and theirs; out again, which keeps a copy, and from that."""
    got, name = path.with_suffix(".got"), f"alone/{uuid4()}"
    with timed(noted[UP_S3, BOTO], os.getpid()):
        client.upload_file(str(path), bucket, name)
    with timed(noted[UP_S3, APOM], there.pid):
        take = there.upload(path)
    shutil.rmtree(there.folder / "media-copies")
    with timed(noted[DOWN_S3, BOTO], os.getpid()):
        client.download_file(bucket, name, str(got))
    with timed(noted[DOWN_S3, APOM], there.pid):
        there.download(take, got)
    assert got.stat().st_size == path.stat().st_size
    for what in (KEPT_S3, AGAIN_S3):
        with timed(noted[what, APOM], there.pid):
            there.download(take, got)
    client.delete_object(Bucket=bucket, Key=name)
    there.forget(take)
    got.unlink()


@dataclass(frozen=True)
class House:
    """The real server with its media somewhere, and anna, who brings and fetches."""

    url: str
    pid: int
    folder: Path
    token: str
    shot: UUID

    def upload(self, path: Path) -> dict[str, Any]:
        """In pieces, as pages and programs send a file; its take."""
        id, size = uuid4(), path.stat().st_size
        at: dict[str, Any] = {"bytes": 0, "done": None}
        with (
            path.open("rb") as file,
            mmap(file.fileno(), 0, access=ACCESS_READ) as content,
            connection(self.url) as line,
        ):
            while at["done"] is None:
                asked = urlencode({"size": size, "offset": at["bytes"], "name": path.name})
                with memoryview(content)[at["bytes"] : at["bytes"] + LIMITS.piece_bytes] as piece:
                    line.request("PUT", f"/api/uploads/{self.shot}/{id}?{asked}", piece, self._who)
                at = json.loads(line.getresponse().read())
        taken: dict[str, Any] = at["done"]["take"]
        return taken

    def download(self, take: dict[str, Any], path: Path) -> None:
        """The original, whole."""
        get(f"{self.url}{take['file_url']}", path, self._who)

    def forget(self, take: dict[str, Any]) -> None:
        """It goes for good."""
        with connect(self.url, self.token) as anna:
            anna.delete_asset(take["id"])

    @property
    def _who(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextmanager
def house(folder: Path, **settings: str) -> Iterator[House]:
    """A server with anna's shot."""
    with testing.server(folder, **settings) as app:
        run = runfile.read(folder)
        assert run is not None, "it runs"
        operator = OperatorClient(run.url, run.token)
        operator.add_user("anna", PASSWORD)
        token = operator.create_token("anna", "benchmark")[1]
        with connect(app.url, token) as anna:
            shot = anna.create_box(anna.create_project("P"), "one").id
        yield House(app.url, app.process.pid, folder, token, shot)


def put(url: str, path: Path, size: int) -> None:
    """The first bytes of a file as the body of one request."""
    with path.open("rb") as file, connection(url) as line:
        body = iter(lambda: file.read(MB), b"") if size else b""
        line.request("PUT", urlsplit(url).path, body, {"Content-Length": str(size)})
        assert line.getresponse().status == 200, url


def get(url: str, path: Path, headers: dict[str, str] | None = None) -> None:
    """A file, to where it is wanted."""
    with connection(url) as line, path.open("wb") as file:
        line.request("GET", urlsplit(url).path, headers=headers or {})
        answer = line.getresponse()
        assert answer.status == 200, url
        room = memoryview(bytearray(MB))
        while n := answer.readinto(room):
            file.write(room[:n])


@contextmanager
def connection(url: str) -> Iterator[http.client.HTTPConnection]:
    """The plainest there is, so that it stands in nobody's way."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=600)) as line:
        yield line


@contextmanager
def timed(taken: Taken, pid: int) -> Iterator[None]:
    """Nothing that was written before has still to go to the disk."""
    os.sync()
    used, memory, started = cpu_s(pid), most_memory_mb(pid), time.perf_counter()
    yield
    taken.wall.append(time.perf_counter() - started)
    taken.cpu.append(cpu_s(pid) - used)
    taken.grown.append(most_memory_mb(pid) - memory)


def film(scene: Path, path: Path, size: int) -> Path:
    """A clip that plays, as large as it may be: the scene, again and again, then some free space."""
    with av.open(str(scene)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        packets = [
            (packet.pts, packet.is_keyframe, bytes(packet)) for packet in source.demux(stream) if packet.pts is not None
        ]
        assert stream.time_base is not None
        length, written, at = round(SECONDS / stream.time_base), 0, 0
        while written == 0 or written + sum(len(content) for *_, content in packets) < size - MB:
            for pts, is_key, content in packets:
                packet = av.Packet(content)
                packet.pts = packet.dts = at + pts
                packet.time_base, packet.is_keyframe, packet.stream = stream.time_base, is_key, copied
                target.mux(packet)
                written += len(content)
            at += length
    with path.open("r+b") as file:
        rest = size - file.seek(0, 2)
        if rest > 16:
            file.write(b"\0\0\0\1free" + rest.to_bytes(8, "big") + bytes(rest - 16))
    return path


def shoot(path: Path, size: tuple[int, int]) -> Path:
    """Four seconds of grain that moves: as large as what cameras and models make, its frames in the order they are shown."""
    chance = np.random.default_rng(7)
    width, height = size
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "g": str(FPS), "crf": "20"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(FPS * SECONDS):
            grain = chance.normal(128, 12, (height, width, 1)).clip(0, 255).astype(np.uint8).repeat(3, axis=2)
            frame = av.VideoFrame.from_ndarray(grain, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def figures(times: Times, clip_mb: float) -> list[Figure]:
    """Each way beside the others; ours is to manage its share of the bytes a second of the first of them."""
    found = []
    for what in dict.fromkeys(what for what, _ in times):
        ways = {who: taken for (each, who), taken in times.items() if each == what}
        others = {who: median(taken.wall) for who, taken in ways.items() if who != APOM}
        for who, taken in sorted(ways.items(), key=lambda way: way[0] != APOM):
            aim, note = None, f"{clip_mb / median(taken.wall):.0f} MB/s"
            if who == APOM and others:
                shares = ", ".join(f"{wall / median(taken.wall):.2f}" for wall in others.values())
                note += f", {shares} of theirs"
                aim = Aim(of="p50_ms", ms=next(iter(others.values())) / SHARE * 1000)
            if taken.grown and who != BOTO:
                note += f"; memory +{max(taken.grown):.0f} MB"
            found.append(figure(what, who, cpu_s=taken.cpu, wall_s=taken.wall, aim=aim, note=note))
    return found
