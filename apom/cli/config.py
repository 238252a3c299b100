"""`apom config`: what is set for the whole studio."""

from __future__ import annotations

import argparse
import json

from pydantic import JsonValue

from apom.cli.command import Commands, Reply, command, group
from apom.cli.door import operator
from apom.config import SYSTEM, Settings
from apom.errors import Invalid
from apom.models import SystemSetting

WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def add(commands: Commands) -> None:
    """Declares the commands."""
    keys = group(
        commands, "config", "See and set what holds for the whole studio.", "apom config list\napom config get currency"
    )
    command(keys, "list", list_keys, "apom config list\napom config list --json")
    command(keys, "get", get, "apom config get retention_days").add_argument("key", choices=SYSTEM, metavar="KEY")
    examples = """
        apom config set retention_days 14
        apom config set registration_open yes
        apom config set smart_edit_template "Change only this: {words}"
        apom config set exchange_rates '{"kie/credit": {"USD": 0.005}}'"""
    parser = command(keys, "set", set_key, examples)
    parser.add_argument("key", choices=SYSTEM, metavar="KEY", help="as `apom config list` shows it")
    parser.add_argument("value", help="true or false, a number, a text, or JSON for a mapping")


def list_keys(settings: Settings, _: argparse.Namespace) -> Reply:
    """Show every key: what is set, and what it does."""
    with operator(settings) as door:
        found = door.config()
    lines = [line for setting in found for line in (f"{setting.key}: {_shown(setting.value)}", f"    {setting.help}")]
    return Reply(document=[setting.model_dump(mode="json") for setting in found], lines=lines)


def get(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Show what one key is set to."""
    with operator(settings) as door:
        found = next(setting for setting in door.config() if setting.key == arguments.key)
    return _one(found)


def set_key(settings: Settings, arguments: argparse.Namespace) -> Reply:
    """Set a key, from now on and for everybody. What does not fit is refused with a sentence."""
    value = read(arguments.key, arguments.value)
    with operator(settings) as door:
        return _one(door.set_config(arguments.key, value))


def read(key: str, word: str) -> JsonValue:
    """A word of the command line as a key's kind of value; what cannot be one is left for the check to refuse."""
    kind = SYSTEM[key].type
    if kind is str:
        return word
    if kind is bool:
        return WORDS.get(word.casefold(), word)
    try:
        found: JsonValue = json.loads(word)
        return found
    except ValueError:
        return word
    except RecursionError:
        raise Invalid("This is nested too deeply.", field="value") from None


def _one(setting: SystemSetting) -> Reply:
    return Reply(document=setting.model_dump(mode="json"), lines=[_shown(setting.value)])


def _shown(value: JsonValue) -> str:
    """A text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
