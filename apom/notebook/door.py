"""The way in for a person at a notebook or a script: open a studio, sign in, work."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType

from apom import client, waiting
from apom.client import RemoteStudio, RemoteWorkspace
from apom.client.running import running
from apom.config import Settings
from apom.errors import ApomError, Invalid, NotSignedIn, StoreBusy
from apom.models import Health
from apom.notebook import asking, progress
from apom.notebook.drawing import came_in, speak, went_out
from apom.notebook.pictures import AnyWorkspace
from apom.studio import Studio
from apom.waiting import OnChange
from apom.words import _


class OpenStudio:
    """A studio in this process, or in the server that holds its store: what is done here is the same.

    It is closed when Python ends, by `close`, or at the end of a `with`.
    """

    def __init__(self, studio: Studio | RemoteStudio, where: str) -> None:
        self._studio = studio
        self._where = where
        self._is_closed = False
        self._inside: list[AnyWorkspace] = []
        self._by_password: list[AnyWorkspace] = []

    def __repr__(self) -> str:
        return f"<apom {self._where}{', closed' if self._is_closed else ''}>"

    def register(self, username: str, *, password: str | None = None, email: str | None = None) -> AnyWorkspace:
        """Makes an account and signs in. The first one is admin; later ones need open registration.

        Without `password` you type it twice, unseen: leave it out, so that it stands in no cell. Raises Invalid,
        Conflict, NotAllowed.
        """
        chosen = asking.new_password() if password is None else password
        self._studio.register(username, chosen, email=email)
        return self._sign_in(username, chosen)

    def login(
        self, username: str | None = None, *, password: str | None = None, token: str | None = None
    ) -> AnyWorkspace:
        """Signs in by name and password, typed unseen when it is left out; or by API token, also from APOM_TOKEN.

        Raises NotSignedIn, TooMany, Invalid where nothing can be typed.
        """
        if username is not None:
            return self._sign_in(username, asking.password(_("Password")) if password is None else password)
        token = token or asking.token_of_the_environment()
        if not token:
            raise Invalid('Say who you are: login("alice"), login(token=...), or set APOM_TOKEN.', field="username")
        return self._by_token(token)

    def _sign_in(self, username: str, password: str) -> AnyWorkspace:
        if isinstance(self._studio, Studio):
            session_token, _session = self._studio.login(username, password, agent="notebook")
            workspace = self._by_token(session_token)
        else:
            workspace = self._let_in(self._studio.login(username, password))
        self._by_password.append(workspace)
        return workspace

    def _by_token(self, token: str) -> AnyWorkspace:
        if not isinstance(self._studio, Studio):
            return self._let_in(self._studio.workspace(token))
        actor = self._studio.resolve(token=token)
        if actor is None:
            raise NotSignedIn("This token or session has ended, or never was. Make a token on your account page.")
        return self._let_in(self._studio.workspace(actor))

    def _let_in(self, workspace: AnyWorkspace) -> AnyWorkspace:
        self._inside.append(workspace)
        came_in(workspace)
        return workspace

    def health(self) -> Health:
        """How the process is. Raises Unavailable when its server has ended."""
        return self._studio.health()

    @property
    def is_alive(self) -> bool:
        """Whether it can be worked with: it is not closed, and its server, if it is one, answers."""
        if self._is_closed or isinstance(self._studio, Studio):
            return not self._is_closed
        try:
            self.health()
        except ApomError:
            return False
        return True

    def close(self) -> None:
        """Signs out who came in by password, then lets go. Takes on their way go on when it is opened again."""
        if self._is_closed:
            return
        self._is_closed = True
        for workspace in self._inside:
            went_out(workspace)
        for workspace in self._by_password:
            with contextlib.suppress(ApomError):  # the session has ended already, or its server has
                workspace.logout()
        self._studio.close()

    def __enter__(self) -> OpenStudio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_opened: dict[Path, OpenStudio] = {}


def open(data_dir: str | PathLike[str] | None = None) -> OpenStudio:
    """The studio in a folder, made when it is missing; without one, where the APOM_* settings say.

    A dashboard that runs on the folder holds its store: then this goes through it, and says so. The same folder opened
    again in this process is the same studio. Raises StoreBusy, StoreBroken, Misconfigured.
    """
    settings = _settings(data_dir)
    known = _opened.get(settings.data_dir)
    if known is not None:
        if known.is_alive:
            return known
        known.close()
    waiting.show_with(_bar)
    _opened[settings.data_dir] = found = _find(settings)
    return found


def connect(url: str, token: str | None = None, *, insecure: bool = False) -> RemoteWorkspace:
    """The workspace of whoever the token stands for, on the server at `url`; the token from APOM_TOKEN, or typed unseen.

    See `apom.client.connect`. Raises NotSignedIn, Misconfigured, Unavailable.
    """
    token = token or asking.token_of_the_environment() or asking.password(_("API token"))
    workspace = client.connect(url, token, insecure=insecure)
    atexit.register(workspace.close)
    waiting.show_with(_bar)
    came_in(workspace)
    return workspace


def _settings(data_dir: str | PathLike[str] | None) -> Settings:
    """A folder that is named has a store of its own: APOM_DATABASE_URL belongs to the folder of the settings.

    Its path is absolute, because cells change the working directory.
    """
    settings = Settings()
    usual = settings.data_dir.resolve()
    folder = usual if data_dir is None else Path(data_dir).expanduser().resolve()
    url = settings.database_url if folder == usual else ""
    return settings.model_copy(update={"data_dir": folder, "database_url": url})


def _find(settings: Settings) -> OpenStudio:
    server = running(settings.data_dir)
    if server is None:
        try:
            studio = Studio.open(settings)
        except StoreBusy:
            server = running(settings.data_dir)  # it may have started a moment ago
            if server is None:
                raise
        else:
            for notice in studio.notices:
                print(notice)
            return OpenStudio(studio, f"in {settings.data_dir}")
    print(_("{folder} is open in the server at {url}: working through it.", folder=settings.data_dir, url=server.url))
    # its address is this machine's, whatever it looks like
    return OpenStudio(RemoteStudio(server.url, insecure=True), f"in {settings.data_dir} through {server.url}")


@contextmanager
def _bar() -> Iterator[OnChange]:
    speak()
    with progress.bar() as on_change:
        yield on_change


@atexit.register
def _close_all() -> None:
    for studio in _opened.values():
        studio.close()
