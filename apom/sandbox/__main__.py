"""`python -m apom.sandbox --port 0 --folder DIR`: the sandbox as a process of its own, on this machine only."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from apom.sandbox.app import create_app

GRACE_S = 2  # for answers on their way when it is stopped


def main() -> None:
    """Says where it is in one line, then serves until it is stopped."""
    parser = argparse.ArgumentParser(prog="apom.sandbox", description="The sandbox provider on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--folder", type=Path, required=True, help="where its tasks and files lie")
    parser.add_argument("--image-s", type=float, default=1.5, help="seconds for a picture")
    parser.add_argument("--video-s", type=float, default=4.0, help="seconds for a clip")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has stopped
    app = create_app(chosen.folder, image_s=chosen.image_s, video_s=chosen.video_s)
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S)
    with socket.create_server(("127.0.0.1", chosen.port)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does it for no socket of ours
        print(f"sandbox http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
