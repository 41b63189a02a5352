"""Where a setting comes from: a flag outdoes the environment, that the file, that the default."""

import tomllib

import pytest

from tfchain.errors import Malformed
from tfchain.node.config import NodeConfig, Place, read_config, write_config
from tfchain.node.settings import DEFAULT, FILE, FLAG, SETTINGS, settings_of

FILED = write_config(NodeConfig(p2p=Place(port=1), http=Place(port=2), anyone=True, log="debug"))


def test_every_field_of_the_file_is_a_setting() -> None:
    plain = tomllib.loads(FILED)
    fields = [f"{section}.{field}" for section, rows in plain.items() for field in rows]
    assert sorted(fields) == sorted(setting.name for setting in SETTINGS)


def test_what_nobody_says_is_as_it_is_by_default() -> None:
    found = settings_of("", {})
    assert set(found.sources.values()) == {DEFAULT}
    assert found.config.http == Place(port=7480)
    assert found.values == {setting.name: setting.default for setting in SETTINGS}


def test_the_file_is_taken_as_it_is() -> None:
    found = settings_of(FILED, {})
    assert found.config == read_config(FILED)
    assert set(found.sources.values()) == {FILE}


def test_the_louder_one_has_the_last_word() -> None:
    environ = {"TFCHAIN_HTTP_PORT": "3", "TFCHAIN_P2P_PORT": "4", "TFCHAIN_P2P_ANYONE": "false"}
    found = settings_of(FILED, environ, ["http.port=5", "store.kind=sqlite"])
    assert (found.config.http.port, found.sources["http.port"]) == (5, FLAG)
    assert (found.config.store, found.sources["store.kind"]) == ("sqlite", FLAG)
    assert (found.config.p2p.port, found.sources["p2p.port"]) == (4, "TFCHAIN_P2P_PORT")
    assert not found.config.anyone
    assert (found.config.log, found.sources["log.level"]) == ("debug", FILE)


@pytest.mark.parametrize(
    ("text", "environ", "flags", "says"),
    [
        pytest.param("", {"TFCHAIN_HTTP_PORT": "x"}, [], "TFCHAIN_HTTP_PORT: a whole", id="a word"),
        pytest.param("", {"TFCHAIN_HTTP_PORT": "9" * 21}, [], "a whole number", id="too long"),
        pytest.param("", {"TFCHAIN_HTTP_PORT": "70000"}, [], "config.http.port", id="too high"),
        pytest.param("", {"TFCHAIN_P2P_ANYONE": "1"}, [], "true or false", id="no truth"),
        pytest.param("", {"TFCHAIN_STORE_KIND": "x"}, [], "config.store.kind", id="no store"),
        pytest.param("", {}, ["http.port"], "NAME=VALUE", id="no value"),
        pytest.param("", {}, ["http.prot=1"], "NAME=VALUE", id="a name with a typo"),
        pytest.param("[logs]\n", {}, [], "nobody knows logs", id="a section with a typo"),
        pytest.param("log = 1\n", {}, ["log.level=info"], "config.log: a table", id="no section"),
    ],
)
def test_what_does_not_fit_is_named(
    text: str, environ: dict[str, str], flags: list[str], says: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        settings_of(text, environ, flags)
    assert says in str(refusal.value)
