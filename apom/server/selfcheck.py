"""What must hold before the first visitor: unsafe settings stop the start, doubtful ones are said aloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apom.config import Settings
from apom.errors import Misconfigured
from apom.preflight import check_address, doubt_about_address, prepare_folder
from apom.words import say

TRUSTED_HEADERS = {"x-apom-user": "user_id", "x-apom-session": "session_ref"}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An option of Streamlit's that must have one value, and why."""

    option: str
    value: object
    why: str


RULES = (
    Rule(
        option="server.enableAgentApi", value=False, why="Streamlit's agent interface lets programs drive every page."
    ),
    Rule(option="client.showErrorDetails", value="none", why="Tracebacks would show keys and paths to visitors."),
    Rule(option="browser.gatherUsageStats", value=False, why="Addresses with tokens would be sent to Streamlit."),
    Rule(option="server.enableXsrfProtection", value=True, why="Other sites could upload files in a visitor's name."),
    Rule(option="server.enableCORS", value=True, why="Other sites could open a visitor's dashboard."),
    Rule(option="logger.enableRich", value=False, why="Tracebacks would be printed with the secrets in them."),
    Rule(option="runner.postScriptGC", value=False, why="Every rerun would take a tenth of a second longer."),
    Rule(
        option="server.trustedUserHeaders", value=TRUSTED_HEADERS, why="The dashboard could not tell who is signed in."
    ),
    Rule(option="server.headless", value=True, why="Streamlit would trust visitors behind a proxy on this machine."),
)


def check(settings: Settings, options: Mapping[str, object], script: Path) -> list[str]:
    """Warnings, in words. `options`: Streamlit's, by dotted name; `script`: its main script.

    Raises Misconfigured on the first thing that is unsafe.
    """
    check_address(settings)
    prepare_folder(settings.data_dir)
    if (script.parent / "pages").exists():
        raise Misconfigured(
            "There is a folder {folder}: Streamlit would serve its files to everybody. Move it away.",
            folder=script.parent / "pages",
        )
    for rule in RULES:
        if options.get(rule.option) != rule.value:
            raise Misconfigured(
                "Streamlit's option {option} must be {value}. {why} Set it in .streamlit/config.toml.",
                option=rule.option,
                value=rule.value,
                why=rule.why,
            )
    return [say(warning) for warning in _warnings(settings, options)]


def _warnings(settings: Settings, options: Mapping[str, object]) -> list[Misconfigured]:
    doubt = doubt_about_address(settings)
    found = [doubt] if doubt else []
    if options.get("server.fileWatcherType") != "none":
        found.append(Misconfigured("server.fileWatcherType is not none: code is reloaded while people work."))
    return found
