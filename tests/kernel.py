"""A notebook run in a real kernel, with a person who types at its prompts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
CELL_S = 120


class Person(NotebookClient):
    """Runs every cell and answers each prompt with the same words."""

    def __init__(self, notebook: NotebookNode, words: str, **options: Any) -> None:
        super().__init__(notebook, **options)
        self.words = words
        self.asked: list[str] = []

    async def async_start_new_kernel_client(self, **options: Any) -> Any:
        client = await super().async_start_new_kernel_client(**options)
        client.allow_stdin = True
        self._typing = asyncio.ensure_future(self._type(client))
        return client

    async def _type(self, client: Any) -> None:
        while True:
            prompt = (await client.get_stdin_msg())["content"]
            assert prompt["password"], "what is typed is not shown"
            self.asked.append(prompt["prompt"])
            client.input(self.words)

    async def _async_cleanup_kernel(self) -> None:
        self._typing.cancel()
        await super()._async_cleanup_kernel()


def run(path: Path, folder: Path, *, words: str = "", **env: str) -> tuple[NotebookNode, list[str]]:
    """The notebook with its outputs, and what its reader was asked. The kernel keeps its history in `folder`."""
    notebook = nbformat.read(path, as_version=4)
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", connection_file=str(folder / "kernel.json"))
    there = {"metadata": {"path": str(folder)}}
    history = str(folder / "history.sqlite")
    person = Person(notebook, words, km=kernel, timeout=CELL_S, resources=there, ipython_hist_file=history)
    apart = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder)}
    person.execute(cleanup_kc=True, env={**os.environ, **apart, **env})
    return notebook, person.asked


def outputs(notebook: NotebookNode) -> list[dict[str, str]]:
    """What the cells gave out, by media type; what was printed as text."""
    found = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [dict(output.get("data") or {"text/plain": output.get("text", "")}) for output in found]
