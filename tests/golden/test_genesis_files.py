"""The templates of `genesis/`: a constant that moves moves the hash of every network made from it.

Each is stamped with a fixed time, salt and people; the hashes are in `genesis.json`. A change there is
a new network: it is made on purpose, with the row beside it.
"""

import json
from pathlib import Path
from typing import Final

import pytest

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.units import Address
from tfchain.chain.genesis import Genesis, genesis_hash, genesis_outcome, read_genesis
from tfchain.errors import Malformed

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = HERE.parents[1] / "genesis"
GOLDEN: Final[dict[str, dict[str, str]]] = json.loads(
    (HERE / "genesis.json").read_text(encoding="utf-8")
)
DAY: Final = 86_400


def _address(number: int) -> str:
    return to_text(Address(crypto.public_key(bytes([number]) * 32)))


def _text(name: str, guardians: int) -> str:
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    rows = [text.replace("time = 0", "time = 1700000000").replace('salt = ""', 'salt = "golden"')]
    rows.append(f'[[account]]\naddress = "{_address(1)}"\nbalance = 10000000000')
    rows += [f'[[guardian]]\naccount = "{_address(n)}"' for n in range(2, 2 + guardians)]
    rows += [
        f'[[validator]]\nkey = "{_address(n)}"\npower = 1\nreward_account = "{_address(1)}"'
        for n in range(20, 24)
    ]
    return "\n".join(rows) + "\n"


def _stamped(name: str) -> Genesis:
    return read_genesis(_text(name, guardians=9))


def test_every_template_is_pinned() -> None:
    assert sorted(GOLDEN) == sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_a_template_makes_the_network_that_it_made(name: str) -> None:
    genesis = _stamped(name)
    assert genesis_hash(genesis).hex() == GOLDEN[name]["hash"]
    assert genesis.params.chain_id == GOLDEN[name]["chain_id"]
    assert genesis_outcome(genesis).state_root.hex() == GOLDEN[name]["state_root"]


@pytest.mark.parametrize(("name", "least"), [("devnet", 1), ("testnet", 4), ("mainnet", 9)])
def test_a_template_asks_for_its_guardians(name: str, least: int) -> None:
    """Fewer than nine on mainnet are refused (P23)."""
    read_genesis(_text(name, least))
    with pytest.raises(Malformed, match=f"{least - 1} guardians where {least} are due|guardian"):
        read_genesis(_text(name, least - 1))


@pytest.mark.parametrize("name", ["testnet", "mainnet"])
def test_real_networks_have_the_real_months_and_rules(name: str) -> None:
    """P1's table, rules.md 1 and 2.1."""
    params = _stamped(name).params
    (row,) = params.schedules
    assert (row.start, row.length, row.post_window) == (1_522_501_000, 2_630_880, 97_200)
    uptime = params.uptime
    assert (uptime.report_interval, uptime.grace, uptime.skew) == (2_400, 60, 120)
    assert (uptime.report_window, uptime.sleep_max, uptime.boot_max) == (600, DAY, 1_800)
    assert uptime.sleep_credit_max == uptime.report_interval + uptime.grace  # P19
    assert params.consensus.interval == 6_000
    assert params.supply_cap == 4_000_000_000 * 10_000_000


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        ("devnet", (10, 30, 4)),
        ("testnet", (3_600, DAY, 3_600)),
        ("mainnet", (2 * DAY, 7 * DAY, 4 * DAY)),
    ],
)
def test_windows_of_a_batch_are_those_of_the_table(name: str, windows: tuple[int, ...]) -> None:
    (row,) = _stamped(name).params.schedules
    assert (row.commit_window, row.attest_window, row.payout_delay) == windows


@pytest.mark.parametrize("name", ["testnet", "mainnet"])
def test_real_networks_know_the_three_policies(name: str) -> None:
    """rules.md 6; the gold one is immutable, so that its least uptime is read in per mille."""
    rows = [
        (row.id, row.price_cu, row.price_su, row.price_nu, row.price_ipv4, row.minimal_uptime)
        for row in _stamped(name).policies
    ]
    assert rows == [
        (1, 2_400, 1_000, 30, 5, 95),
        (2, 3_000, 1_250, 38, 6, 95),
        (3, 3_600, 2_250, 45, 5, 998),
    ]
    assert [row.immutable for row in _stamped(name).policies] == [False, False, True]


def test_the_three_networks_have_three_ids() -> None:
    assert len({row["chain_id"] for row in GOLDEN.values()}) == 3
