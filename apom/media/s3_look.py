"""What a bucket lets whom do, found out by trying; `apom doctor` says what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apom.media.s3 import S3Storage

WITHIN_S = 10
FOUND = b"apom"


@dataclass(frozen=True, kw_only=True)
class Look:
    """Statuses of HTTP, 0 where nobody answered. `signed`: a file by a signed address; `anonymous`, `listed`: a file and a
    list without one; `public`: a file at the public address, None without one; `origin`: which pages may read it in scripts.
    """

    signed: int
    anonymous: int
    listed: int
    public: int | None
    origin: str


def look(storage: S3Storage, page: str) -> Look:
    """Puts a file, tries, removes it. `page`: the address of our pages. Raises Unavailable, Misconfigured."""
    with storage.probing(FOUND) as name:
        signed, origin = _get(storage.asked(lambda to: to.signed(name, 60)), page)
        place = storage.asked(lambda to: to.place(name))
        public = storage.settings.public_url
        return Look(
            signed=signed,
            anonymous=_get(place, page)[0],
            listed=_get(f"{place.removesuffix(name)}?list-type=2&max-keys=1", page)[0],
            public=_get(f"{public}/{name}", page)[0] if public else None,
            origin=origin,
        )


def _get(address: str, page: str) -> tuple[int, str]:
    """The status, and whom the answer is open to."""
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.httpsession import URLLib3Session

    try:
        request = AWSRequest("GET", address, headers={"Origin": page}).prepare()
        answer = URLLib3Session(timeout=WITHIN_S).send(request)
    except (BotoCoreError, ValueError):
        return 0, ""
    is_wrong = answer.status_code == 200 and "list-type" not in address and answer.content != FOUND
    return 0 if is_wrong else answer.status_code, answer.headers.get("access-control-allow-origin", "")
