"""A node's settings: written, read back, and refused by the name of the field."""

import pytest

from tfchain.base.crypto import public_key
from tfchain.errors import Malformed
from tfchain.net.surface import Contact
from tfchain.node.config import CONFIG_BYTES_MAX, NodeConfig, Place, read_config, write_config

PEER = Contact(key=public_key(bytes([1]) * 32), host="validator-1.example", port=7400)
CONFIG = NodeConfig(
    p2p=Place(host="0.0.0.0", port=7400),
    http=Place(host="::1", port=0),
    peers=(PEER, Contact(key=public_key(bytes([2]) * 32), host="10.0.0.2", port=1)),
    anyone=True,
    store="sqlite",
    guardian_automatic=True,
    log="debug",
    log_format="json",
    look_back=100,
)
TEXT = write_config(CONFIG)


def test_what_is_written_is_read_back() -> None:
    assert read_config(TEXT) == CONFIG


def test_a_file_of_before_the_look_back_is_a_file() -> None:
    alone = NodeConfig(p2p=Place(), http=Place())
    old = write_config(alone).partition("[validator]")[0]
    assert read_config(old) == alone


def test_a_file_of_before_the_log_s_format_is_a_file() -> None:
    alone = NodeConfig(p2p=Place(), http=Place())
    text = write_config(alone)
    (line,) = [line for line in text.splitlines() if line.startswith("format")]
    assert read_config(text.replace(f"{line}\n", "")) == alone


def test_a_file_without_peers_is_a_file() -> None:
    alone = NodeConfig(p2p=Place(), http=Place())
    assert read_config(write_config(alone)) == alone


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        pytest.param("port = 7400", "port = 65536", "config.p2p.port", id="a port too high"),
        pytest.param("port = 7400", "port = true", "config.p2p.port", id="a port that is a truth"),
        pytest.param("port = 7400", "port = -1", "config.p2p.port", id="a port below zero"),
        pytest.param("port = 7400", "", "config.p2p: port is missing", id="no port"),
        pytest.param("port = 1\n", "port = 0\n", "config.peer[1].port", id="a peer at port zero"),
        pytest.param('host = "::1"', "host = 1", "config.http.host: text", id="a host of digits"),
        pytest.param('"::1"', '"a b"', "config.http.host", id="a host with a space"),
        pytest.param('"::1"', '""', "config.http.host", id="an empty host"),
        pytest.param('"::1"', f'"{"a" * 254}"', "config.http.host", id="a host too long"),
        pytest.param("anyone = true", "anyone = 1", "config.p2p.anyone", id="a flag of one"),
        pytest.param('"sqlite"', '"mysql"', "auto, leveldb, sqlite", id="a store nobody knows"),
        pytest.param('"debug"', '"loud"', "config.log.level", id="a level nobody knows"),
        pytest.param('"json"', '"xml"', "config.log.format", id="a format nobody knows"),
        pytest.param("= 100 #", "= 0 #", "config.validator.look_back", id="never looking back"),
        pytest.param("= 100 #", "= true #", "look_back: a number", id="a number that is a truth"),
        pytest.param("[log]", "[log]\nfile = 1", "config.log: nobody knows file", id="a new field"),
        pytest.param("[log]", "[logs]", "config: log is missing", id="a section misspelt"),
        pytest.param("[store]", "[other]\n[store]", "nobody knows other", id="a new section"),
        pytest.param("[[peer]]", "[peer]", "config", id="peers that are no list"),
        pytest.param('key = "5', 'key = "4', "config.peer[0].key", id="a key with a typo"),
        pytest.param("[p2p]", "[p2p", "config", id="no TOML"),
        pytest.param("port = 7400", "port = 1\nport = 2", "config", id="a field twice"),
    ],
)
def test_a_wrong_field_is_named(old: str, new: str, names: str) -> None:
    assert old in TEXT
    with pytest.raises(Malformed) as refusal:
        read_config(TEXT.replace(old, new, 1))
    assert names in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_peer_named_twice_is_refused() -> None:
    twice = NodeConfig(p2p=Place(), http=Place(), peers=(PEER, PEER))
    with pytest.raises(Malformed, match=r"peer\[1\].key: named twice"):
        read_config(write_config(twice))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("p2p = 1\n", id="a section that is a number"),
        pytest.param("peer = 1\n" + TEXT.split("[[peer]]")[0], id="a list that is a number"),
        pytest.param("#" * (CONFIG_BYTES_MAX + 1), id="a file too long"),
        pytest.param("x = " + "[" * 5_000, id="a file too deep"),
        pytest.param("x = " + "9" * 5_000, id="a number too long"),
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        read_config(text)
