"""The systemd unit of a home: what it starts, what it may touch, and names that would say more."""

import configparser
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tfchain.cli.unit import unit_of
from tfchain.errors import Unavailable

HARDENED: Final = (
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictNamespaces",
    "RestrictSUIDSGID",
)


def parsed(text: str) -> configparser.ConfigParser:
    """Each field once: strict."""
    parser = configparser.ConfigParser(interpolation=None, strict=True, allow_no_value=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def made(home: Path, *flags: str) -> configparser.SectionProxy:
    home.mkdir()
    return parsed(unit_of(home, flags))["Service"]


def test_it_starts_the_home_with_its_settings(tmp_path: Path) -> None:
    service = made(tmp_path / "home", "log.format=json", "http.port=7481")
    assert service["ExecStart"] == (
        f"{sys.executable} -m tfchain start --home {tmp_path}/home"
        " --set log.format=json --set http.port=7481"
    )
    assert service["User"] == tmp_path.owner()
    assert service["KillSignal"] == "SIGTERM"


def test_it_may_write_into_its_home_alone(tmp_path: Path) -> None:
    service = made(tmp_path / "home")
    assert service["ReadWritePaths"] == f"{tmp_path}/home"
    assert (service["ProtectSystem"], service["ProtectHome"]) == ("strict", "read-only")
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == ""
    assert [name for name in HARDENED if service[name] != "yes"] == []


def test_it_does_not_come_up_again_where_a_person_must_look(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    unit = parsed(unit_of(tmp_path / "home", ()))
    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["RestartPreventExitStatus"] == "1 2"
    assert unit["Unit"]["StartLimitBurst"] == "5"


def test_a_folder_s_name_stays_one_word_and_means_itself(tmp_path: Path) -> None:
    service = made(tmp_path / 'my "home" 100%$HOME')
    path = f"{tmp_path}/my "
    assert service["ReadWritePaths"] == f'"{path}\\"home\\" 100%%$HOME"'
    assert service["WorkingDirectory"] == f'{path}"home" 100%%$HOME'
    assert service["ExecStart"].endswith(f'--home "{path}\\"home\\" 100%%$$HOME"')


def test_a_folder_with_a_line_s_end_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home\n[Service]"
    home.mkdir()
    with pytest.raises(Unavailable, match="cannot name this folder"):
        unit_of(home, ())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_it(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    unit = tmp_path / "tfchain.service"
    unit.write_text(unit_of(tmp_path / "home", ("log.format=json",)), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
