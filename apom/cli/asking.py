"""What must not be an argument, where others on this machine can read it."""

from __future__ import annotations

import getpass
import sys

from apom.errors import Invalid

LONGEST = 10_000  # characters; what fits is checked by whoever asked


def secret(what: str) -> str:
    """Asked for without an echo, or the first line of standard input. Raises Invalid."""
    try:
        if sys.stdin.isatty():
            return getpass.getpass(f"{what}: ")
        line = sys.stdin.readline(LONGEST).rstrip("\r\n")
        line.encode()  # bytes that are no text may hide in it as surrogates
    except (AttributeError, EOFError, UnicodeError):  # no input, its end, no text
        raise Invalid("{what}: nothing that can be read came from standard input.", what=what) from None
    return line
