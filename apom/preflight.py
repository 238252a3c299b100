"""What must hold of the settings before anything starts: a data folder of one's own, an address that is safe."""

from __future__ import annotations

import ipaddress
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from apom.config import Settings
from apom.errors import Misconfigured


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_address(settings: Settings) -> None:
    """Others come in by https only, under an address that can work. Raises Misconfigured."""
    scheme = _scheme(settings.public_url)
    if not is_loopback(settings.host) and scheme != "https":
        raise Misconfigured(
            "Listening on {host} lets others in, and passwords would travel in the clear. Put a proxy with https before it "
            "and set APOM_PUBLIC_URL=https://…, or use APOM_HOST=127.0.0.1.",
            host=settings.host,
        )


def doubt_about_address(settings: Settings) -> Misconfigured | None:
    """What is allowed and should not stay so."""
    if _scheme(settings.public_url) != "http":
        return None
    return Misconfigured("APOM_PUBLIC_URL is not https: passwords travel in the clear.")


def _scheme(public_url: str) -> str:
    """ "" without an address. Raises Misconfigured for one that cannot work."""
    try:
        url = urlsplit(public_url)
        fits = url.scheme in ("http", "https") and url.hostname and url.port != 0 and url.path in ("", "/")
    except ValueError:
        fits = False
    if public_url and not fits:
        raise Misconfigured("APOM_PUBLIC_URL must look like https://films.example.com, without a path.")
    return public_url.partition(":")[0].lower()


def prepare_folder(folder: Path) -> None:
    """Makes the data folder, for its owner alone, and proves that it can be written. Raises Misconfigured."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        prove_writable(folder)
    except OSError as error:
        raise Misconfigured(
            "The data folder {folder} cannot be written ({reason}). Choose another with APOM_DATA_DIR.",
            folder=folder,
            reason=error.strerror,
        ) from error


def prove_writable(folder: Path) -> None:
    """Writes a file and lets it go. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder):
        return
