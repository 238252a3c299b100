"""The pages that ship, as screens: loaded from `pages/`, which lies outside the package in a checkout."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import cache
from types import ModuleType

from apom.config import shipped
from apom.ui.guard import Screen
from apom.words import N_

TITLES = {
    "": N_("Projects"),
    "board": N_("Board"),
    "box": N_("Shot"),
    "batch": N_("Generate"),
    "queue": N_("Queue"),
    "inbox": N_("Inbox"),
    "notices": N_("Notifications"),
    "storage": N_("Storage"),
    "account": N_("Account"),
    "providers": N_("Providers"),
    "admin": N_("Studio"),
}


def module(name: str) -> ModuleType:
    """A module of `pages/`, wherever that lies."""
    if "pages" not in sys.modules:
        folder = shipped("pages")
        spec = importlib.util.spec_from_file_location(
            "pages", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None, "it is a file"
        assert spec.loader is not None, "it is a file"
        package = importlib.util.module_from_spec(spec)
        sys.modules["pages"] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"pages.{name}")


@cache
def screens() -> tuple[Screen, ...]:
    """Every page behind the sign-in, the first one first."""
    return tuple(Screen(path=path, title=title, show=module(path or "projects").show) for path, title in TITLES.items())
