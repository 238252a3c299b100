"""Unsafe settings stop the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from apom.config import Settings
from apom.errors import Misconfigured
from apom.preflight import is_loopback
from apom.server.launch import options
from apom.server.selfcheck import RULES, check
from apom.server.wiring import DASHBOARD

SHIPPED = options(Settings())


def test_what_ships_is_safe(tmp_path: Path) -> None:
    assert check(Settings(data_dir=tmp_path / "new"), SHIPPED, DASHBOARD) == []


@pytest.mark.parametrize("option", [rule.option for rule in RULES])
def test_each_unsafe_option_stops_the_start_with_its_name(tmp_path: Path, option: str) -> None:
    for wrong in (None, "", not SHIPPED[option], "full"):
        with pytest.raises(Misconfigured) as stopped:
            check(Settings(data_dir=tmp_path), {**SHIPPED, option: wrong}, DASHBOARD)
        assert option in str(stopped.value)
        assert "config.toml" in str(stopped.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "films.example", ""])
def test_others_come_in_by_https_only(tmp_path: Path, host: str) -> None:
    for public in ("", "http://films.example"):
        with pytest.raises(Misconfigured, match="in the clear"):
            check(Settings(data_dir=tmp_path, host=host, public_url=public), SHIPPED, DASHBOARD)
    assert check(Settings(data_dir=tmp_path, host=host, public_url="https://films.example"), SHIPPED, DASHBOARD) == []


@pytest.mark.parametrize(
    "url",
    [
        "films.example",
        "ftp://films.example",
        "https://",
        "https://films.example/apom",
        "https://[",
        "https://films.example:x",
    ],
)
def test_a_public_address_that_cannot_work(tmp_path: Path, url: str) -> None:
    with pytest.raises(Misconfigured, match="APOM_PUBLIC_URL"):
        check(Settings(data_dir=tmp_path, public_url=url), SHIPPED, DASHBOARD)


def test_a_data_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="APOM_DATA_DIR"):
        check(Settings(data_dir=tmp_path / "file"), SHIPPED, DASHBOARD)


def test_pages_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    with pytest.raises(Misconfigured, match="everybody"):
        check(Settings(data_dir=tmp_path), SHIPPED, tmp_path / "dashboard.py")


def test_what_is_only_doubtful_is_said(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="http://127.0.0.1:8080")
    said = check(settings, {**SHIPPED, "server.fileWatcherType": "auto"}, DASHBOARD)
    assert [sentence.split(" ")[0] for sentence in said] == ["APOM_PUBLIC_URL", "server.fileWatcherType"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)
