"""The doors over HTTP: the operator's for now, with the same methods as `apom.studio.Operator`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from apom import net
from apom.errors import ApomError, Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, TooMany, Unavailable
from apom.models import Health, User

KINDS: dict[str, type[ApomError]] = {
    kind.code: kind for kind in (Conflict, Invalid, NotAllowed, NotSignedIn, Unavailable)
}


def raise_problem(status: int, body: Any) -> None:
    """A problem document as the error it was. Raises ApomError."""
    problem = body if isinstance(body, dict) else {}
    said = str(problem.get("detail") or "The server answered with an error ({status}).")
    if problem.get("code") == NotFound.code:
        raise NotFound
    if problem.get("code") == TooMany.code:
        raise TooMany("{said}", retry_after_s=1, said=said)
    raise KINDS.get(str(problem.get("code")), ApomError)(
        "{said}", said=said.format(status=status) if not problem else said
    )


class OperatorClient:
    """The operator's door of a running server."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, answer = net.call(method, self._url + "/api/operator/" + path, headers=self._headers, json=body)
        if status >= 400:
            raise_problem(status, answer)
        return answer

    def health(self) -> Health:
        """How the process is."""
        return Health.model_validate(self._call("GET", "health"))

    def users(self) -> tuple[User, ...]:
        """Every account."""
        return tuple(User.model_validate(row) for row in self._call("GET", "users"))

    def add_user(self, username: str, password: str) -> User:
        """A new account, whether registration is open or not. Raises Invalid, Conflict."""
        return User.model_validate(self._call("POST", "users", {"username": username, "password": password}))

    def reset_password(self, username: str, password: str) -> User:
        """A new password; the person's sessions end. Raises NotFound, Invalid."""
        path = f"users/{quote(username, safe='')}/password"
        return User.model_validate(self._call("POST", path, {"password": password}))
