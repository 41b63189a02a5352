"""Upgrades at a height: a program without the rules stops before it and names the release (P28)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Height
from tfchain.chain.execute import check_txs, execute
from tfchain.chain.upgrades import RULES_KNOWN, check_rules
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.changes import Upgrade
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

NEXT = RULES_KNOWN + 1
Seated = Callable[..., tuple[str, str]]


@pytest.fixture
def one(make_chain: "MakeChain", seated: Seated) -> "Chain":
    """A single validator, so that what it proposes is carried at once; height 1."""
    made: Chain = make_chain(seated((1,)))
    made.run()
    return made


def _propose(chain: "Chain", height: int, rules: int, release: str = "9.9") -> str:
    body = ProposeUpgrade(height=Height(height), rules=rules, release=release)
    (code,) = chain.run(chain.tx(20, body))
    return code


def test_a_program_without_the_rules_stops_before_the_height(one: "Chain") -> None:
    assert _propose(one, 5, NEXT) == "ok"
    one.run()
    one.run()
    assert one.height == 4
    for refuse in (check_txs, execute):
        with pytest.raises(Unavailable) as stop:
            refuse(one, one.block(9))
        assert str(stop.value) == (
            f"block 5 and what follows run by rule set {NEXT}; this program knows rule sets up to"
            f" {RULES_KNOWN}; install release 9.9 and start again"
        ).replace(f"{NEXT};", f"{NEXT}:", 1)


def test_a_program_with_the_rules_goes_on(one: "Chain") -> None:
    assert _propose(one, 5, NEXT) == "ok"
    for height in range(3, 9):
        check_rules(one.state(), Height(height), known=NEXT)
    check_rules(one.state(), Height(4))
    with pytest.raises(Unavailable, match="block 5"):
        check_rules(one.state(), Height(8))


@pytest.mark.parametrize(
    ("height", "rules", "code"),
    [
        pytest.param(4, NEXT, "ok", id="two heights ahead"),
        pytest.param(3, NEXT, "too_early", id="the next height"),
        pytest.param(1, NEXT, "too_early", id="the past"),
        pytest.param(9, RULES_KNOWN, "old_rules", id="the rules that it runs by"),
        pytest.param(9, 0, "old_rules", id="older rules"),
    ],
)
def test_an_upgrade_lies_ahead_and_leads_on(
    one: "Chain", height: int, rules: int, code: str
) -> None:
    assert _propose(one, height, rules) == code


def test_an_upgrade_that_has_not_come_may_be_moved(one: "Chain") -> None:
    assert _propose(one, 50, NEXT) == "ok"
    assert _propose(one, 60, NEXT, "9.10") == "ok"
    moved = Upgrade(height=Height(60), rules=NEXT, release="9.10")
    assert tables.UPGRADE.need(one.state(), tables.SINGLE) == moved


def test_rules_that_a_chain_runs_by_are_not_voted_in_again(one: "Chain") -> None:
    row = Upgrade(height=Height(1), rules=RULES_KNOWN, release="0.1")
    one.change(lambda state: tables.UPGRADE.put(state, tables.SINGLE, row))
    assert _propose(one, 50, RULES_KNOWN) == "old_rules"
    assert _propose(one, 50, NEXT) == "ok"
