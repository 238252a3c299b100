"""Where browsers fetch the files of a bucket: addresses that are signed for minutes, or a place that everybody may read.

They are made when they are asked for and written down nowhere. Signing: AWS Signature Version 4 by query parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from apom.config import S3Settings

PICTURE_S, CLIP_S = 300, 3600  # how long one holds: a clip is fetched piece by piece while it is played
LARGE = ("original-", "proxy-")  # what is small and hot is better kept here, and by browsers for ever


class Addresses:
    """Of one bucket, by the credentials of a boto3 session."""

    def __init__(self, settings: S3Settings, session: Any, client: Any, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._session = session
        self._client = client
        self._clock = clock

    def of(self, name: str, mime: str) -> str | None:
        """Where a browser is sent for a file; None where the settings keep it here. Raises botocore's errors."""
        if not self._settings.redirect or not name.rpartition("/")[2].startswith(LARGE):
            return None
        if self._settings.public_url:
            return f"{self._settings.public_url}/{name}"
        return self.signed(name, CLIP_S if mime.startswith("video/") else PICTURE_S, mime, every_s=PICTURE_S // 2)

    def signed(self, name: str, expires_s: int, mime: str = "", *, every_s: int = 1) -> str:
        """Whoever has it may fetch the file, for so many seconds at most. Raises botocore's errors.

        It is the same one for `every_s` seconds, so that a browser knows what it has; `mime`: what it is served as.
        """
        from botocore.awsrequest import AWSRequest

        said = {"response-content-type": mime, "response-content-disposition": "inline"} if mime else {}
        request = AWSRequest("GET", self.place(name), params=said)
        self._signer(datetime.fromtimestamp(self._clock() // every_s * every_s, UTC), expires_s).add_auth(request)
        return str(request.url)

    def place(self, name: str) -> str:
        """Where a file is, for who needs no signature. Raises botocore's errors."""
        asked = {"Bucket": self._settings.bucket, "Key": name}
        return str(self._client.generate_presigned_url("get_object", Params=asked)).partition("?")[0]

    def origin(self) -> str:
        """Whom they lead to, as scheme and host. Raises botocore's errors."""
        found = urlsplit(self._settings.public_url or self.place("x"))
        return f"{found.scheme}://{found.netloc}"

    def _signer(self, at: datetime, expires_s: int) -> Any:
        from botocore.auth import S3SigV4QueryAuth
        from botocore.exceptions import NoCredentialsError

        class Then(S3SigV4QueryAuth):
            """As if it were signed at that moment."""

            def _modify_request_before_signing(self, request: Any) -> None:
                request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
                super()._modify_request_before_signing(request)  # type: ignore[misc]  # botocore-stubs' gap

        credentials, region = self._session.get_credentials(), self._client.meta.region_name
        if credentials is None:
            raise NoCredentialsError
        region = "us-east-1" if region == "aws-global" else region
        return Then(credentials.get_frozen_credentials(), "s3", region, expires=expires_s)
