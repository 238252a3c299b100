"""A running server, from outside: who is there, and the way in."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from apom.client.door import Door
from apom.client.workspace import RemoteWorkspace
from apom.errors import Misconfigured, NotSignedIn
from apom.models import Health, User
from apom.net.ours import Connection, base, is_private


def connect(url: str, token: str, *, insecure: bool = False, cache: Path | None = None) -> RemoteWorkspace:
    """The workspace of whoever the token stands for, on the server at `url`. Close it, or use it in a `with`.

    `insecure`: also over plain http, where everybody on the way can read the token; to this machine it always may.
    `cache`: a folder for fetched files; a temporary one by default.

    Raises NotSignedIn for a token that has ended, Misconfigured for an address that is none or not https, Unavailable.
    """
    return RemoteWorkspace(_connection(url, token, insecure), cache)


def _connection(url: str, token: str, insecure: bool) -> Connection:
    address, token = base(url), token.strip()
    if not (token.isascii() and token.isprintable()):
        raise NotSignedIn("This is not a token. Copy it again from where it was shown.")
    if not insecure and not is_private(address):
        raise Misconfigured(
            "{url} is not https: everybody on the way could read your password or token. Use https, or say"
            " insecure=True in a network you trust.",
            url=address,
        )
    return Connection(address, token=token)


class RemoteStudio:
    """A server at an address. Close it, or use it in a `with`; the workspaces it gave out end with it.

    `insecure`, `cache`: see `connect`. Raises Misconfigured.
    """

    def __init__(self, url: str, *, insecure: bool = False, cache: Path | None = None) -> None:
        self._insecure = insecure
        self._cache = cache
        self._door = Door(_connection(url, "", insecure))
        self._given_out: list[RemoteWorkspace] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return self._door.connection.url

    def __repr__(self) -> str:
        return f"<apom at {self.url}>"

    def health(self) -> Health:
        """How the process is. Raises Unavailable when none answers."""
        reply = self._door.connection.ask("GET", "/api/health", is_safe=True)
        return self._door.read(Health, reply)  # also when it is not well, which is a 503

    def register(self, username: str, password: str, *, email: str | None = None) -> User:
        """See `apom.studio.Studio.register`. Raises Invalid, Conflict, NotAllowed when registration is closed."""
        body = {"username": username, "password": password, "email": email, "signs_in": False}
        return self._door.ask(User, "POST", "users", body=body, is_patient=False)

    def login(self, username: str, password: str) -> RemoteWorkspace:
        """Signs in: this session's workspace, to be ended with `logout`. Raises NotSignedIn, TooMany."""
        body = {"username": username, "password": password}
        reply = self._door.do("POST", "session", body=body, is_patient=False)
        token = next((value for name, value in reply.cookies.items() if name.endswith("apom_session")), "")
        return self.workspace(token)

    def workspace(self, token: str) -> RemoteWorkspace:
        """The workspace of a session or an API token. Raises NotSignedIn when it has ended."""
        workspace = connect(self.url, token, insecure=self._insecure, cache=self._cache)
        self._given_out.append(workspace)
        return workspace

    def close(self) -> None:
        """Ends the connections; sessions and tokens go on."""
        for workspace in self._given_out:
            workspace.close()
        self._door.connection.close()

    def __enter__(self) -> RemoteStudio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
