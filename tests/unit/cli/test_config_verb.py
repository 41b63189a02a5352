"""`tfchain config show`: every setting and who said so, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tfchain.base.crypto import public_key
from tfchain.cli import config as verb
from tfchain.cli.setting import HOME_VARIABLE
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.devnet.homes import Stamp, stamped, template_text
from tfchain.node.home import Seeds, create_home
from tfchain.node.settings import SETTINGS

NODE, VALIDATOR = bytes([1]) * 32, bytes([2]) * 32


@pytest.fixture
def home(tmp_path: Path) -> Path:
    peer = Contact(key=public_key(bytes([3]) * 32), host="peer.example", port=7400)
    config = NodeConfig(p2p=Place(), http=Place(), peers=(peer,))
    genesis = stamped(template_text(), Stamp(time=1_700_000_000, salt="s"), 1, 1)
    return create_home(
        tmp_path / "home", genesis, config, Seeds(node=NODE, validator=VALIDATOR)
    ).folder


def call(*arguments: str, **variables: str) -> Result:
    env = {"COLUMNS": "200", HOME_VARIABLE: "", "TFCHAIN_NODE": "", **variables}
    return CliRunner().invoke(verb.app, ["show", *arguments], env=env)


def rows(result: Result) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["settings"]
    return {row["name"]: row for row in found}


def test_every_setting_says_what_it_is_and_where_it_comes_from(home: Path) -> None:
    found = rows(call("--home", str(home), "--set", "http.port=9", "--json", TFCHAIN_P2P_PORT="8"))
    assert {setting.name for setting in SETTINGS} <= set(found)
    assert (found["http.port"]["value"], found["http.port"]["from"]) == ("9", "--set")
    assert (found["p2p.port"]["value"], found["p2p.port"]["from"]) == ("8", "TFCHAIN_P2P_PORT")
    assert found["log.level"]["from"] == "config.toml"
    assert found["home"]["from"] == "--home"
    assert found["chain.id"]["value"].startswith("devnet-")
    assert "peer.example:7400" in found["peer[0]"]["value"]
    for row in found.values():
        assert set(row) == {"name", "value", "from", "unit", "default", "what"}
        assert row["unit"]
        assert row["what"].endswith((".", "..."))


def test_no_secret_is_printed(home: Path) -> None:
    node = "http://bert:hunter2@node.example/x"
    shown = [call("--home", str(home), *more, TFCHAIN_NODE=node) for more in ([], ["--json"])]
    for result in shown:
        assert result.exit_code == 0, result.output
        assert NODE.hex() not in result.stdout
        assert VALIDATOR.hex() not in result.stdout
        assert "hunter2" not in result.stdout
        assert "http://node.example/x" in result.stdout
    found = rows(shown[1])
    assert found["validator.key"]["value"] == "there, 0600, plain"
    assert found["guardian.key"]["value"] == "absent"


def test_a_key_file_that_is_none_is_said_to_be_none(home: Path) -> None:
    (home / "guardian.key").write_text("x", encoding="utf-8")
    found = rows(call("--home", str(home), "--json"))
    assert found["guardian.key"]["value"].endswith("cannot be used")


def test_the_home_may_be_named_by_the_environment(home: Path) -> None:
    found = rows(call("--json", **{HOME_VARIABLE: str(home)}))
    assert (found["home"]["value"], found["home"]["from"]) == (str(home), HOME_VARIABLE)


def test_without_a_home_the_defaults_are_shown() -> None:
    found = rows(call("--json"))
    assert found["home"]["from"] == "default"
    assert found["node"]["value"].startswith("the devnet")
    assert "chain.id" not in found


def test_people_see_a_table_and_may_have_it_explained(home: Path) -> None:
    short, long = call("--home", str(home)), call("--home", str(home), "--explain")
    assert "http.port" in short.stdout
    assert "loopback" not in short.stdout
    assert "loopback" in long.stdout
    assert "TFCHAIN_HTTP_PORT" in long.stdout.replace("\n", "")
