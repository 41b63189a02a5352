"""A network that is founded: who has which key, who calls whom, and what is refused before anything stands."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.crypto import digest, public_key
from tfchain.base.units import UTFT_PER_TFT
from tfchain.chain.genesis import read_genesis
from tfchain.client import keys
from tfchain.errors import Malformed, Unavailable
from tfchain.node.config import NodeConfig, Place
from tfchain.node.devnet.homes import FAUCET_TFT, Stamp, template_text
from tfchain.node.disk import opened_parts
from tfchain.node.founding import Founded, Seat, found, is_here, seat_text, seats_of
from tfchain.node.home import load_config, load_genesis, load_node_seed

STAMP: Final = Stamp(time=1_700_000_000, salt="salt")
HOSTS: Final = ("a.example", "b.example", "b.example", "[fe80::1]:9000")


def drawn() -> Callable[[int], bytes]:
    """Chance that is the same each time, and never twice in one run."""
    count = iter(range(1 << 16))
    return lambda size: digest(b"tf/test", next(count).to_bytes(4, "big"))[:size]


@pytest.fixture
def founded(tmp_path: Path) -> Founded:
    return found(tmp_path / "net", template_text(), STAMP, seats_of(HOSTS), drawn())


@pytest.mark.parametrize(
    ("hosts", "seats"),
    [
        pytest.param(["a.example"], [("a.example", 7400, 7480)], id="a name"),
        pytest.param(["a.example:9000"], [("a.example", 9000, 7480)], id="a name and a port"),
        pytest.param(["10.0.0.1:1"], [("10.0.0.1", 1, 7480)], id="a number and a port"),
        pytest.param(["fe80::1"], [("fe80::1", 7400, 7480)], id="a long address"),
        pytest.param(["[fe80::1]"], [("fe80::1", 7400, 7480)], id="the same in brackets"),
        pytest.param(["[fe80::1]:9000"], [("fe80::1", 9000, 7480)], id="and with a port"),
        pytest.param(
            ["a", "b", "a"], [("a", 7400, 7480), ("b", 7400, 7480), ("a", 7401, 7481)], id="twice"
        ),
    ],
)
def test_a_host_may_say_its_port(hosts: list[str], seats: list[tuple[str, int, int]]) -> None:
    found_seats = [(one.host, one.p2p_port, one.http_port) for one in seats_of(hosts)]
    assert found_seats == seats


@pytest.mark.parametrize(
    "hosts",
    [["a:0"], ["a:65536"], ["a:x"], ["a:"], ["a:123456"], ["a:1", "a:1"], ["a:7401", "a"]],
    ids=" ".join,
)
def test_a_port_that_is_none_or_taken_is_refused(hosts: list[str]) -> None:
    with pytest.raises(Malformed, match="port"):
        seats_of(hosts)


def test_a_seat_is_written_as_it_is_read() -> None:
    assert [seat_text(seat) for seat in seats_of(HOSTS)] == [
        *("a.example:7400", "b.example:7400", "b.example:7401", "[fe80::1]:9000")
    ]


def test_the_genesis_has_everybody_and_each_home_is_of_this_chain(founded: Founded) -> None:
    text = founded.genesis.read_text(encoding="utf-8")
    genesis = read_genesis(text)
    assert genesis.params.chain_id == founded.chain_id
    assert genesis.time == STAMP.time
    assert {row.key for row in genesis.validators} == {one.validator for one in founded.members}
    assert set(genesis.guardians) == {one.guardian for one in founded.members}
    balances = {row.address: row.balance for row in genesis.accounts}
    assert balances[founded.founder] == FAUCET_TFT * UTFT_PER_TFT
    for member in founded.members:
        assert load_genesis(member.home) == text


def test_each_home_has_its_own_keys_which_nobody_else_may_read(founded: Founded) -> None:
    seeds = set()
    for member in founded.members:
        home = member.home
        for path in (home.node_key, home.validator_key, home.guardian_key, home.signer_state):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
        seeds |= {path.read_text() for path in (home.node_key, home.validator_key)}
        seeds.add(home.guardian_key.read_text())
        assert keys.load(home.validator_key).address == member.validator
        assert keys.load(home.guardian_key).address == member.guardian
        with opened_parts(home, load_config(home)) as (_, signer):
            assert signer is not None and signer.key == member.validator
    assert len(seeds) == 3 * len(founded.members)
    assert stat.S_IMODE(founded.founder_key.stat().st_mode) == 0o600
    assert keys.load(founded.founder_key).address == founded.founder


def test_each_calls_all_others_and_listens_where_they_reach_it(founded: Founded) -> None:
    names = [public_key(load_node_seed(one.home)) for one in founded.members]
    for number, member in enumerate(founded.members):
        config = load_config(member.home)
        others = [place for place in range(len(names)) if place != number]
        assert [peer.key for peer in config.peers] == [names[place] for place in others]
        assert [(peer.host, peer.port) for peer in config.peers] == [
            (founded.members[place].seat.host, founded.members[place].seat.p2p_port)
            for place in others
        ]
        assert config.p2p == Place(
            host="::" if number == 3 else "0.0.0.0", port=member.seat.p2p_port
        )
        assert config.http == Place(port=member.seat.http_port)
        assert (config.anyone, config.guardian_automatic) == (False, False)


def test_on_one_machine_it_stays_there(tmp_path: Path) -> None:
    made = found(tmp_path / "net", template_text(), STAMP, seats_of(["127.0.0.1"] * 2), drawn())
    configs: list[NodeConfig] = [load_config(one.home) for one in made.members]
    assert [config.p2p for config in configs] == [Place(port=7400), Place(port=7401)]
    assert [is_here(host) for host in ("127.0.0.9", "localhost", "::1", "a.example")] == [
        *(True, True, True, False)
    ]


@pytest.mark.parametrize("host", ["a b", "", "a/b", "x" * 254])
def test_a_host_that_is_none_is_refused_before_anything_stands(host: str, tmp_path: Path) -> None:
    seats = [Seat(host=host, p2p_port=1, http_port=1)]
    with pytest.raises(Malformed, match="host"):
        found(tmp_path / "net", template_text(), STAMP, seats, drawn())
    assert not (tmp_path / "net").exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(Unavailable, match="not empty"):
        found(tmp_path, template_text(), STAMP, seats_of(["a"]), drawn())
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_too_few_guardians_for_a_genesis_are_refused(tmp_path: Path) -> None:
    text = template_text().replace("guardians_min = 1", "guardians_min = 3")
    assert text != template_text()
    with pytest.raises(Malformed, match="2 guardians where 3 are due"):
        found(tmp_path / "net", text, STAMP, seats_of(["a", "b"]), drawn())
