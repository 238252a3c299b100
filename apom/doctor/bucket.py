"""The bucket that media lie in, found out by trying."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from apom.config import Settings
from apom.doctor.findings import Finding, ok, problem, warning
from apom.errors import ApomError

if TYPE_CHECKING:
    from apom.media.s3_look import Look


def buckets(settings: Settings) -> list[Finding]:
    """Whether media can be written there, read and removed; who else may; whether browsers are let in where they are sent."""
    try:
        from apom.media.s3 import S3Storage
        from apom.media.s3_look import look

        found = look(S3Storage(settings.s3, settings.data_dir / "media-copies"), settings.url)
    except ApomError as error:
        return [problem("s3", str(error))]
    except ImportError as error:
        return [problem("s3", f"It cannot be looked at: {error}. Install what is in requirements.txt.")]
    return [
        ok("s3", f"The bucket {settings.bucket} can be written, read and cleared."),
        signed(found, is_used=settings.s3_redirect and not settings.s3_public_url),
        private(found, settings.bucket),
        *([public(found, is_used=settings.s3_redirect)] if settings.s3_public_url else []),
        *([cross_origin(found, settings.url)] if settings.s3_redirect else []),
    ]


def signed(found: Look, *, is_used: bool) -> Finding:
    """Whether an address signed for minutes opens a file. `is_used`: browsers are sent to such addresses."""
    if found.signed == HTTPStatus.OK:
        return ok("s3 addresses", "An address that was signed opens its file.")
    said = f"The bucket answers {found.signed or 'nothing'} to an address that was signed for it."
    if not is_used:
        return warning("s3 addresses", f"{said} Nobody is sent to one while APOM_S3_REDIRECT is off.")
    return problem(
        "s3 addresses", f"{said} Correct APOM_S3_REGION, APOM_S3_STYLE or the clock, or unset APOM_S3_REDIRECT."
    )


def private(found: Look, bucket: str) -> Finding:
    """Nobody reads what nobody gave them."""
    if found.listed == HTTPStatus.OK:
        return warning(
            "s3 privacy",
            f"Anybody can list the files of {bucket}, and so find them all. Take that right from its policy.",
        )
    if found.anonymous == HTTPStatus.OK and found.public is None:
        return warning("s3 privacy", f"Anybody can read the files of {bucket}. Block public access to it.")
    if found.anonymous == HTTPStatus.OK:
        return ok("s3 privacy", f"Whoever knows a file's address can read it, as you chose; {bucket} cannot be listed.")
    return ok("s3 privacy", "Nobody reads or lists it without a key.")


def public(found: Look, *, is_used: bool) -> Finding:
    """Whether the public address leads to the files."""
    if not is_used:
        return warning("s3 public address", "APOM_S3_PUBLIC_URL is not used. Set APOM_S3_REDIRECT=1, or unset it.")
    if found.public == HTTPStatus.OK:
        return ok("s3 public address", "It leads to the files of the bucket.")
    said = f"APOM_S3_PUBLIC_URL answers {found.public or 'nothing that fits'} for a file of the bucket."
    return problem(
        "s3 public address", f"{said} It is where the keys begin, without the bucket's name where that is in its host."
    )


def cross_origin(found: Look, page: str) -> Finding:
    """Pictures and clips are shown without CORS; only scripts that read files need it, and ours do not."""
    if found.origin in ("*", page):
        return ok("s3 CORS", "Pages of this address may read its files.")
    rule = {
        "AllowedOrigins": [page],
        "AllowedMethods": ["GET", "HEAD"],
        "AllowedHeaders": ["Range"],
        "MaxAgeSeconds": 3600,
    }
    needed = json.dumps({"CORSRules": [rule]})
    return ok(
        "s3 CORS", f"None is set, and none is needed. Scripts of your own that read files there would need {needed}"
    )
