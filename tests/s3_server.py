"""A real S3 server of our own, on loopback: seaweedfs, from a wheel. It checks signatures and survives being killed."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ACCESS, SECRET = "studio", "a secret of the studio's bucket"
BUCKET = "films"
FLAGS = (
    "-ip=127.0.0.1 -ip.bind=127.0.0.1 -filer -s3 -s3.port.iceberg=0 -s3.port.lance=0"
    " -master.volumeSizeLimitMB=128 -volume.max=200 -master.telemetry=false -master.electionTimeout=1s"
    " -master.heartbeatInterval=100ms -volume.preStopSeconds=0 -master.raftHashicorp"
).split()


def weed() -> str:
    """The program. Fails where the wheel is missing."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    assert found, "The S3 server is missing: pip install -r requirements-dev.txt"
    return found


def free_port() -> int:
    """Free with its neighbour ten thousand above, which its gRPC takes."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            if port > 50_000:
                continue
            try:
                two.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port


class S3Server:
    """Starts, is killed, starts again on the same files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: free_port() for name in ("s3", "master", "volume", "filer")}
        self._process: subprocess.Popen[bytes] | None = None
        identity = {
            "name": "studio",
            "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), "utf-8")
        (folder / "data").mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['s3']}"

    def start(self) -> None:
        """Until it answers and the bucket is there."""
        ports = [f"-{name}.port={port}" for name, port in self._ports.items()]
        command = [
            weed(),
            "server",
            f"-dir={self._folder / 'data'}",
            f"-s3.config={self._folder / 's3.json'}",
            *FLAGS,
            *ports,
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder
        )
        end = time.monotonic() + 60
        while not self._is_up():
            assert time.monotonic() < end and self._process.poll() is None, "the S3 server does not come up"
            time.sleep(0.1)

    def _is_up(self) -> bool:
        try:
            self.client().create_bucket(Bucket=BUCKET)
        except (ClientError, BotoCoreError) as error:
            return "BucketAlready" in str(error)
        return True

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def client(self, access: str = ACCESS, secret: str = SECRET) -> Any:
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=config,
        )
