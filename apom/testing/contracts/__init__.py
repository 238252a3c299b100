"""Mocks of real providers for tests: each answers as the real one does, its peculiarities included.

One server on loopback for all of them, a path each; their files lie on another host, which must never see a key.
What a provider's interface is, each module says at its top, with the source.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from apom.testing.contracts.automatic1111 import Automatic1111
from apom.testing.contracts.base import Contract, Files, Samples
from apom.testing.contracts.bfl import BFL
from apom.testing.contracts.byteplus import BytePlus
from apom.testing.contracts.comfyui import ComfyUI
from apom.testing.contracts.fal import Fal
from apom.testing.contracts.gemini import Gemini
from apom.testing.contracts.kie import Kie
from apom.testing.contracts.kling import Kling
from apom.testing.contracts.minimax import MiniMax
from apom.testing.contracts.openai import OpenAI, OpenAICompatible
from apom.testing.contracts.replicate import Replicate
from apom.testing.contracts.stability import Stability
from apom.testing.contracts.veo import Veo

__all__ = ["SHIPPED", "Contract", "Files", "Samples", "serve"]

SHIPPED: Mapping[str, type[Contract]] = {
    "automatic1111": Automatic1111,
    "bfl": BFL,
    "byteplus": BytePlus,
    "comfyui": ComfyUI,
    "fal": Fal,
    "gemini-image": Gemini,
    "google-veo": Veo,
    "kie": Kie,
    "kling": Kling,
    "minimax": MiniMax,
    "openai-compatible": OpenAICompatible,
    "openai-images": OpenAI,
    "replicate": Replicate,
    "stability": Stability,
}


@contextmanager
def serve(samples: Samples, kinds: Mapping[str, type[Contract]] = SHIPPED) -> Iterator[dict[str, Contract]]:
    """The mocks by the ids of their provider files, served by a thread of this process; `url` says where each is."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        port = listening.getsockname()[1]
        files = Files(samples)
        mocks = {id: kind(f"http://127.0.0.1:{port}/{id}", files) for id, kind in kinds.items()}
        routes = [Mount(f"/{id}", mock) for id, mock in mocks.items()]
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield mocks
        finally:
            server.should_exit = True
            thread.join(timeout=15)
