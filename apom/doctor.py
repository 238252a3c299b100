"""What an operator wants to know before people work here: each check looks at facts and says one sentence.

`examine` gathers the facts of this machine. Nothing is made, changed or brought up to date by looking.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import socket
import stat
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from apom import runfile
from apom.config import MB, PACKAGE, THRESHOLDS, Settings, Thresholds, shipped
from apom.errors import ApomError, Misconfigured
from apom.models import Record, StoreInfo
from apom.preflight import check_address, doubt_about_address, prove_writable

if TYPE_CHECKING:
    from apom.media.s3_look import Look

PYTHON = (3, 11)
GB = 1024 * MB


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # it works, and should not stay so
    PROBLEM = "problem"  # people will run into it


class Finding(Record):
    """What one check found, in a sentence that says what to do."""

    check: str
    level: Level
    says: str


def _ok(check: str, says: str) -> Finding:
    return Finding(check=check, level=Level.OK, says=says)


def _warning(check: str, says: str) -> Finding:
    return Finding(check=check, level=Level.WARNING, says=says)


def _problem(check: str, says: str) -> Finding:
    return Finding(check=check, level=Level.PROBLEM, says=says)


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
        return _problem(check, f"They cannot be looked at: {error}. Install what is in requirements.txt.")


def _codecs() -> Finding:
    from apom.media import codecs

    return codec(codecs.missing())


# this machine


def python(version: tuple[int, ...]) -> Finding:
    """`version`: as in sys.version_info."""
    said = ".".join(map(str, version))
    if version < PYTHON:
        return _problem("python", f"Python {said} is too old. Install {'.'.join(map(str, PYTHON))} or newer.")
    return _ok("python", f"Python {said}.")


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
        return _problem("packages", f"Install what is in requirements.txt again: {', '.join(wrong)}.")
    return _ok("packages", f"{len(wanted)} packages are there, each in its range.")


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
        return _problem("libraries", f"They do not load; install them again: {', '.join(broken)}.")
    return _ok("libraries", "All of them load.")


def codec(missing: Sequence[str]) -> Finding:
    """`missing`: see `apom.media.codecs`."""
    if missing:
        return _problem(
            "codecs", f"No {', no '.join(missing)}: install pillow and av from their wheels, not your own builds."
        )
    return _ok("codecs", "Pictures and clips can be read and made small.")


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
            return _problem("data", f"{folder} cannot be made in {nearest}. Choose another with APOM_DATA_DIR.")
        return _ok("data", f"{folder} is made at the first start.")
    if reason := _why_not_writable(folder):
        return _problem("data", f"{folder} cannot be written ({reason}). Choose another with APOM_DATA_DIR.")
    if _open_to_others(folder):
        return _warning("data", f"Other accounts of this machine can look into {folder}. Close it: chmod 700 {folder}")
    return _ok("data", f"{folder} can be written, and its owner alone looks into it.")


def secrets(file: Path) -> Finding:
    """What opens doors is its owner's alone."""
    if file.exists() and _open_to_others(file):
        return _problem("secrets", f"Others can read {file}, which lets them in as operator. Restart apom to renew it.")
    return _ok("secrets", "Nobody else can read them.")


def key_file(file: Path) -> Finding:
    """Its owner's alone, or it is not used."""
    if file.exists() and _open_to_others(file):
        return _problem("keys", f"Others can read {file}, so providers' keys are not used. Close it: chmod 600 {file}")
    return _ok(
        "keys",
        f"They are encrypted with {file}: keep a copy of it." if file.exists() else "No provider's key is stored yet.",
    )


def media_folder(folder: Path) -> Finding:
    """Writable, and on one volume: a file is put in its place by a move."""
    if not folder.exists():
        return _ok("media", "The folder is made with the first take.")
    if reason := _why_not_writable(folder):
        return _problem("media", f"{folder} cannot be written ({reason}). Takes cannot be stored until it can.")
    volumes = {path.stat().st_dev for path in (folder, *folder.iterdir()) if path.is_dir()}
    if len(volumes) > 1:
        return _warning("media", f"{folder} is spread over several volumes: every file is copied once more. Use one.")
    return _ok("media", f"{folder} can be written.")


def buckets(settings: Settings) -> list[Finding]:
    """Whether media can be written there, read and removed; who else may; whether browsers are let in where they are sent."""
    try:
        from apom.media.s3 import S3Storage
        from apom.media.s3_look import look

        found = look(S3Storage(settings.s3, settings.data_dir / "media-copies"), settings.url)
    except ApomError as error:
        return [_problem("s3", str(error))]
    except ImportError as error:
        return [_problem("s3", f"It cannot be looked at: {error}. Install what is in requirements.txt.")]
    return [
        _ok("s3", f"The bucket {settings.bucket} can be written, read and cleared."),
        signed(found, is_used=settings.s3_redirect and not settings.s3_public_url),
        private(found, settings.bucket),
        *([public(found, is_used=settings.s3_redirect)] if settings.s3_public_url else []),
        *([cross_origin(found, settings.url)] if settings.s3_redirect else []),
    ]


def signed(found: Look, *, is_used: bool) -> Finding:
    """Whether an address signed for minutes opens a file. `is_used`: browsers are sent to such addresses."""
    if found.signed == HTTPStatus.OK:
        return _ok("s3 addresses", "An address that was signed opens its file.")
    said = f"The bucket answers {found.signed or 'nothing'} to an address that was signed for it."
    if not is_used:
        return _warning("s3 addresses", f"{said} Nobody is sent to one while APOM_S3_REDIRECT is off.")
    return _problem(
        "s3 addresses", f"{said} Correct APOM_S3_REGION, APOM_S3_STYLE or the clock, or unset APOM_S3_REDIRECT."
    )


def private(found: Look, bucket: str) -> Finding:
    """Nobody reads what nobody gave them."""
    if found.listed == HTTPStatus.OK:
        return _warning(
            "s3 privacy",
            f"Anybody can list the files of {bucket}, and so find them all. Take that right from its policy.",
        )
    if found.anonymous == HTTPStatus.OK and found.public is None:
        return _warning("s3 privacy", f"Anybody can read the files of {bucket}. Block public access to it.")
    if found.anonymous == HTTPStatus.OK:
        return _ok(
            "s3 privacy", f"Whoever knows a file's address can read it, as you chose; {bucket} cannot be listed."
        )
    return _ok("s3 privacy", "Nobody reads or lists it without a key.")


def public(found: Look, *, is_used: bool) -> Finding:
    """Whether the public address leads to the files."""
    if not is_used:
        return _warning("s3 public address", "APOM_S3_PUBLIC_URL is not used. Set APOM_S3_REDIRECT=1, or unset it.")
    if found.public == HTTPStatus.OK:
        return _ok("s3 public address", "It leads to the files of the bucket.")
    said = f"APOM_S3_PUBLIC_URL answers {found.public or 'nothing that fits'} for a file of the bucket."
    return _problem(
        "s3 public address", f"{said} It is where the keys begin, without the bucket's name where that is in its host."
    )


def cross_origin(found: Look, page: str) -> Finding:
    """Pictures and clips are shown without CORS; only scripts that read files need it, and ours do not."""
    if found.origin in ("*", page):
        return _ok("s3 CORS", "Pages of this address may read its files.")
    rule = {
        "AllowedOrigins": [page],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["Range"],
        "MaxAgeSeconds": 3600,
    }
    needed = json.dumps({"CORSRules": [rule]})
    return _ok(
        "s3 CORS", f"None is set, and none is needed. Scripts of your own that read files there would need {needed}"
    )


def disk(free: int, limits: Thresholds = THRESHOLDS) -> Finding:
    """`free`: bytes on the volume of the data folder."""
    said = f"{free / GB:.1f} GB are free"
    if free < limits.free_bytes_least:
        return _problem("disk", f"Only {said}: takes will soon fail to be stored. Make room now.")
    if free < limits.free_bytes_low:
        return _warning("disk", f"Only {said}. Make room before a long night of clips.")
    return _ok("disk", f"{said}.")


# the store


def store_checks(store: StoreInfo | ApomError, newest_schema: int, now: datetime) -> list[Finding]:
    """What is known of the store, or why nothing is."""
    if isinstance(store, ApomError):
        return [_problem("store", str(store)), clock(now, None)]
    rows = sum(store.rows.values())
    return [
        _ok(
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
        return _problem(
            "schema", f"The store is of a newer apom (schema {version}, this one knows {newest}). Update apom."
        )
    if 0 < version < newest:
        return _warning(
            "schema", f"The store has schema {version}; {newest} comes at the next start, or now: apom migrate"
        )
    return _ok("schema", f"Schema {version or newest} is the newest.")


def files(missing: int) -> Finding:
    """`missing`: takes whose files could not be found."""
    if missing:
        return _problem(
            "files",
            f"The files of {missing} takes cannot be found. Put them back from a backup (apom restore --files), then "
            "look again: apom media sweep",
        )
    return _ok("files", "Every take has its file, as of the last look.")


def snapshot(store: StoreInfo, now: datetime, limits: Thresholds = THRESHOLDS) -> Finding:
    """How old the latest one is."""
    if store.newest_snapshot_at is None:
        if not store.schema_version:
            return _ok("snapshot", "There is nothing to keep yet.")
        return _warning("snapshot", "There is none yet. Make one, and keep it on another disk: apom db snapshot")
    age = now - store.newest_snapshot_at
    if age > timedelta(days=limits.snapshot_days):
        return _warning("snapshot", f"The latest is {age.days} days old. Make one: apom db snapshot")
    return _ok("snapshot", f"The latest is of {store.newest_snapshot_at:%Y-%m-%d %H:%M} UTC.")


def clock(now: datetime, newest: datetime | None, limits: Thresholds = THRESHOLDS) -> Finding:
    """It knows its zone, and has not gone back behind what is stored."""
    if now.utcoffset() is None:
        return _problem("clock", "It does not know its time zone. Set the zone of this machine.")
    if newest is not None and now < newest - timedelta(seconds=limits.clock_behind_s):
        return _problem(
            "clock", f"It is behind: something here happened at {newest:%Y-%m-%d %H:%M} UTC. Set the clock."
        )
    return _ok("clock", f"{now:%Y-%m-%d %H:%M} UTC.")


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
        return _problem("providers", " ".join(wrong))
    if not valid:
        return _problem("providers", f"There is no provider file in {folder}. Install apom again.")
    return _ok("providers", f"{valid} provider file{'s are' if valid > 1 else ' is'} valid.")


def address(settings: Settings) -> Finding:
    """Where people reach it, and whether their passwords are safe on the way."""
    try:
        check_address(settings)
    except Misconfigured as error:
        return _problem("address", str(error))
    if doubt := doubt_about_address(settings):
        return _warning("address", f"{doubt} Put https before it.")
    return _ok("address", f"People reach it at {settings.url}")


def mail_server(settings: Settings) -> Finding:
    """It greets, encrypts and lets us in, as the settings say; nothing is sent."""
    from apom.net import mail

    try:
        with mail.opened(settings.mail):
            pass
    except ApomError as error:
        return _problem("mail", str(error))
    return _ok("mail", f"{settings.mail.host}:{settings.mail.port} takes mail from {settings.mail.sender}")


def port(settings: Settings, server: str | None) -> Finding:
    """Free, or ours."""
    if server is not None:
        return _ok("port", f"This data folder is served at {server}")
    try:
        with closing(socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)) as probe:
            if os.name == "posix":  # as the server itself: a port that was just let go is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        return _problem(
            "port", f"{settings.host}:{settings.port} cannot be had ({error.strerror}). Choose another with APOM_PORT."
        )
    return _ok("port", f"{settings.host}:{settings.port} is free.")
