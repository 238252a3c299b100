"""What an operator wants to know before people work here: each check looks at facts and says one sentence.

`examine` gathers the facts of this machine. Nothing is made, changed or brought up to date by looking.
"""

from __future__ import annotations

import importlib
import os
import shutil
import socket
import stat
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path

from apom import runfile
from apom.config import MB, PACKAGE, THRESHOLDS, Settings, Thresholds, shipped
from apom.doctor.bucket import buckets
from apom.doctor.findings import Finding, ok, problem, warning
from apom.errors import ApomError, Misconfigured
from apom.models import StoreInfo
from apom.preflight import check_address, doubt_about_address, prove_writable

PYTHON = (3, 11)
GB = 1024 * MB


def examine(
    settings: Settings, store: StoreInfo | ApomError, *, newest_schema: int, server: str | None, now: datetime
) -> tuple[Finding, ...]:
    """Every check. `store`: what is known of it, or why nothing is; `server`: where this data folder is served."""
    folder = settings.data_dir
    wanted = requirements()
    return (
        python(sys.version_info[:3]),
        packages(wanted, {name: installed(name) for name in wanted}),
        libraries(broken_imports(wanted)),
        _unless_broken("codecs", _codecs),
        data_folder(folder),
        secrets(folder / runfile.NAME),
        key_file(settings.key_path),
        media_folder(folder / "media"),
        *(buckets(settings) if settings.bucket else []),
        disk(shutil.disk_usage(_nearest(folder)).free),
        *store_checks(store, newest_schema, now),
        _unless_broken("providers", lambda: providers(shipped("providers"))),
        *([mail_server(settings)] if settings.smtp_host else []),
        address(settings),
        port(settings, server),
    )


def _unless_broken(check: str, look: Callable[[], Finding]) -> Finding:
    """A package that does not load hides one thing, not everything."""
    try:
        return look()
    except ImportError as error:
        return problem(check, f"They cannot be looked at: {error}. Install what is in requirements.txt.")


def _codecs() -> Finding:
    from apom.media import codecs

    return codec(codecs.missing())


# this machine


def python(version: tuple[int, ...]) -> Finding:
    """`version`: as in sys.version_info."""
    said = ".".join(map(str, version))
    if version < PYTHON:
        return problem("python", f"Python {said} is too old. Install {'.'.join(map(str, PYTHON))} or newer.")
    return ok("python", f"Python {said}.")


def requirements() -> Mapping[str, str]:
    """The packages apom runs on, each with the range of its versions: of the checkout, else of the installed package."""
    from packaging.requirements import Requirement

    file = PACKAGE.parent / "requirements.txt"
    if file.exists():
        lines = [line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
    else:
        lines = metadata.requires("apom") or []
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-")]
    return {each.name: str(each.specifier) for each in wanted if each.marker is None or each.marker.evaluate()}


def installed(name: str) -> str | None:
    """The version of a package, None when it is not there."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def packages(wanted: Mapping[str, str], have: Mapping[str, str | None]) -> Finding:
    """Ranges against versions, both by name."""
    wrong = [said for name, span in wanted.items() if (said := _misfit(name, span, have.get(name)))]
    if wrong:
        return problem("packages", f"Install what is in requirements.txt again: {', '.join(wrong)}.")
    return ok("packages", f"{len(wanted)} packages are there, each in its range.")


def _misfit(name: str, span: str, version: str | None) -> str | None:
    from packaging.specifiers import SpecifierSet

    if version is None:
        return f"{name} is missing"
    return None if SpecifierSet(span).contains(version, prereleases=True) else f"{name} {version} is not {span}"


def broken_imports(names: Iterable[str]) -> list[str]:
    """The packages that are installed and cannot be loaded, each with the reason."""
    modules = metadata.packages_distributions()
    broken = []
    for name in names:
        own = sorted(module for module, owners in modules.items() if name in owners and not module.startswith("_"))
        reasons = [_why_not_loaded(module) for module in own]
        if reasons and all(reasons):  # one is enough: some bring adapters to packages that nobody needs
            broken.append(f"{name} ({reasons[0]})")
    return broken


def _why_not_loaded(module: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except Exception as error:  # whatever an import can raise
        return str(error)
    return None


def libraries(broken: Sequence[str]) -> Finding:
    """`broken`: see `broken_imports`."""
    if broken:
        return problem("libraries", f"They do not load; install them again: {', '.join(broken)}.")
    return ok("libraries", "All of them load.")


def codec(missing: Sequence[str]) -> Finding:
    """`missing`: see `apom.media.codecs`."""
    if missing:
        return problem(
            "codecs", f"No {', no '.join(missing)}: install pillow and av from their wheels, not your own builds."
        )
    return ok("codecs", "Pictures and clips can be read and made small.")


# the data folder


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of the path to it."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def _why_not_writable(folder: Path) -> str | None:
    try:
        prove_writable(folder)
    except OSError as error:
        return str(error.strerror)
    return None


def data_folder(folder: Path) -> Finding:
    """There, writable, and its owner's alone."""
    if not folder.exists():
        nearest = _nearest(folder)
        if not nearest.is_dir() or not os.access(nearest, os.W_OK):
            return problem("data", f"{folder} cannot be made in {nearest}. Choose another with APOM_DATA_DIR.")
        return ok("data", f"{folder} is made at the first start.")
    if reason := _why_not_writable(folder):
        return problem("data", f"{folder} cannot be written ({reason}). Choose another with APOM_DATA_DIR.")
    if _open_to_others(folder):
        return warning("data", f"Other accounts of this machine can look into {folder}. Close it: chmod 700 {folder}")
    return ok("data", f"{folder} can be written, and its owner alone looks into it.")


def secrets(file: Path) -> Finding:
    """What opens doors is its owner's alone."""
    if file.exists() and _open_to_others(file):
        return problem("secrets", f"Others can read {file}, which lets them in as operator. Restart apom to renew it.")
    return ok("secrets", "Nobody else can read them.")


def key_file(file: Path) -> Finding:
    """Its owner's alone, or it is not used."""
    if file.exists() and _open_to_others(file):
        return problem("keys", f"Others can read {file}, so providers' keys are not used. Close it: chmod 600 {file}")
    return ok(
        "keys",
        f"They are encrypted with {file}: keep a copy of it." if file.exists() else "No provider's key is stored yet.",
    )


def media_folder(folder: Path) -> Finding:
    """Writable, and on one volume: a file is put in its place by a move."""
    if not folder.exists():
        return ok("media", "The folder is made with the first take.")
    if reason := _why_not_writable(folder):
        return problem("media", f"{folder} cannot be written ({reason}). Takes cannot be stored until it can.")
    volumes = {path.stat().st_dev for path in (folder, *folder.iterdir()) if path.is_dir()}
    if len(volumes) > 1:
        return warning("media", f"{folder} is spread over several volumes: every file is copied once more. Use one.")
    return ok("media", f"{folder} can be written.")


def disk(free: int, limits: Thresholds = THRESHOLDS) -> Finding:
    """`free`: bytes on the volume of the data folder."""
    said = f"{free / GB:.1f} GB are free"
    if free < limits.free_bytes_least:
        return problem("disk", f"Only {said}: takes will soon fail to be stored. Make room now.")
    if free < limits.free_bytes_low:
        return warning("disk", f"Only {said}. Make room before a long night of clips.")
    return ok("disk", f"{said}.")


# the store


def store_checks(store: StoreInfo | ApomError, newest_schema: int, now: datetime) -> list[Finding]:
    """What is known of the store, or why nothing is."""
    if isinstance(store, ApomError):
        return [problem("store", str(store)), clock(now, None)]
    rows = sum(store.rows.values())
    return [
        ok(
            "store",
            f"{store.url} answers, {rows:,} rows." if store.schema_version else "It is made at the first start.",
        ),
        schema(store.schema_version, newest_schema),
        snapshot(store, now),
        files(store.missing),
        clock(now, store.newest_row_at),
    ]


def schema(version: int, newest: int) -> Finding:
    """`version`: of the store, 0 for none; `newest`: what this apom brings it to."""
    if version > newest:
        return problem(
            "schema", f"The store is of a newer apom (schema {version}, this one knows {newest}). Update apom."
        )
    if 0 < version < newest:
        return warning(
            "schema", f"The store has schema {version}; {newest} comes at the next start, or now: apom migrate"
        )
    return ok("schema", f"Schema {version or newest} is the newest.")


def files(missing: int) -> Finding:
    """`missing`: takes whose files could not be found."""
    if missing:
        return problem(
            "files",
            f"The files of {missing} takes cannot be found. Put them back from a backup (apom restore --files), then "
            "look again: apom media sweep",
        )
    return ok("files", "Every take has its file, as of the last look.")


def snapshot(store: StoreInfo, now: datetime, limits: Thresholds = THRESHOLDS) -> Finding:
    """How old the latest one is."""
    if store.newest_snapshot_at is None:
        if not store.schema_version:
            return ok("snapshot", "There is nothing to keep yet.")
        return warning("snapshot", "There is none yet. Make one, and keep it on another disk: apom db snapshot")
    age = now - store.newest_snapshot_at
    if age > timedelta(days=limits.snapshot_days):
        return warning("snapshot", f"The latest is {age.days} days old. Make one: apom db snapshot")
    return ok("snapshot", f"The latest is of {store.newest_snapshot_at:%Y-%m-%d %H:%M} UTC.")


def clock(now: datetime, newest: datetime | None, limits: Thresholds = THRESHOLDS) -> Finding:
    """It knows its zone, and has not gone back behind what is stored."""
    if now.utcoffset() is None:
        return problem("clock", "It does not know its time zone. Set the zone of this machine.")
    if newest is not None and now < newest - timedelta(seconds=limits.clock_behind_s):
        return problem("clock", f"It is behind: something here happened at {newest:%Y-%m-%d %H:%M} UTC. Set the clock.")
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC.")


# what is offered, and where


def providers(folder: Path) -> Finding:
    """Every file can be used."""
    from apom.providers import catalog

    wrong, valid = [], 0
    for path in catalog.files(folder):
        try:
            catalog.read(path)
            valid += 1
        except Misconfigured as error:
            wrong.append(str(error))
    if wrong:
        return problem("providers", " ".join(wrong))
    if not valid:
        return problem("providers", f"There is no provider file in {folder}. Install apom again.")
    return ok("providers", f"{valid} provider file{'s are' if valid > 1 else ' is'} valid.")


def address(settings: Settings) -> Finding:
    """Where people reach it, and whether their passwords are safe on the way."""
    try:
        check_address(settings)
    except Misconfigured as error:
        return problem("address", str(error))
    if doubt := doubt_about_address(settings):
        return warning("address", f"{doubt} Put https before it.")
    return ok("address", f"People reach it at {settings.url}")


def mail_server(settings: Settings) -> Finding:
    """It greets, encrypts and lets us in, as the settings say; nothing is sent."""
    from apom.net import mail

    try:
        with mail.opened(settings.mail):
            pass
    except ApomError as error:
        return problem("mail", str(error))
    return ok("mail", f"{settings.mail.host}:{settings.mail.port} takes mail from {settings.mail.sender}")


def port(settings: Settings, server: str | None) -> Finding:
    """Free, or ours."""
    if server is not None:
        return ok("port", f"This data folder is served at {server}")
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)) as probe:
            if os.name == "posix":  # as the server itself: a port that was just let go is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        return problem(
            "port", f"{settings.host}:{settings.port} cannot be had ({error.strerror}). Choose another with APOM_PORT."
        )
    return ok("port", f"{settings.host}:{settings.port} is free.")
