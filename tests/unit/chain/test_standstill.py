"""A chain that stands still costs no node its pay, where its reports on both sides say it ran (P4)."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Seconds
from tfchain.ledger import tables
from tfchain.ledger.gaps import GAPS_MAX
from tfchain.ledger.uptime import ALWAYS_UP
from tfchain.rules.uptime import UptimeLimits, opened, report

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Watched

GENESIS = 1_700_000_000
CAP = 6


def _at(watched: "Watched", second: int, *uptimes: int) -> None:
    """The next block at that second, with a report of node 1 where an uptime is given."""
    chain = watched.chain
    chain.at(second, *[chain.report(1, second, uptime) for uptime in uptimes])
    watched.follow()


def _settled(watched: "Watched", second: int = 100) -> int:
    """The uptime of node 1 in period 0, which both programs agree on."""
    watched.until(second)
    batch, result = watched.chain.batch(), watched.columns.result(0, 0)
    assert (batch.root, batch.total, batch.count) == (result.root, result.total, result.count)
    return watched.chain.receipt(1).uptime


def _gaps(watched: "Watched") -> list[tuple[int, int]]:
    rows = tables.GAPS.need(watched.chain.state(), tables.SINGLE).rows
    return [(row.since - GENESIS, row.until - GENESIS) for row in rows]


def test_a_gap_is_what_took_longer_than_interval_and_grace(watched: "Watched") -> None:
    for second in (2, 7, 13, 14, 19):
        _at(watched, second)
    assert _gaps(watched) == [(7, 13)]


def test_the_way_to_the_first_block_is_no_gap(watched: "Watched") -> None:
    assert _gaps(watched) == []


@pytest.mark.parametrize(
    ("uptime", "credited"),
    [
        pytest.param(40, 20, id="up all the time"),
        pytest.param(37, 17, id="a slow clock: what it says it was up"),
        pytest.param(10, CAP, id="started again while the chain stood still"),
    ],
)
def test_who_ran_on_is_credited_for_the_gap(watched: "Watched", uptime: int, credited: int) -> None:
    _at(watched, 16, 16)
    _at(watched, 20, 20)
    _at(watched, 40, uptime)
    before = min(16 - 15, CAP) + 4
    assert _gaps(watched)[-1] == (20, 40)
    assert _settled(watched) == before + credited


def test_who_was_silent_before_the_gap_is_credited_the_gap_and_a_report(
    watched: "Watched",
) -> None:
    _at(watched, 16, 16)
    watched.until(30)
    _at(watched, 50, 50)
    assert _settled(watched) == 1 + 20 + CAP


def test_a_gap_at_the_end_of_a_period_is_credited_up_to_the_end(watched: "Watched") -> None:
    _at(watched, 16, 16)
    for second in range(22, 59, 6):
        _at(watched, second, second)
    _at(watched, 80, 80)
    assert _settled(watched) == 1 + 42 + (75 - 58)


def test_a_report_that_came_before_the_gap_was_known_had_no_part_in_it(
    watched: "Watched",
) -> None:
    """Regular nodes beside it are settled at once, as ever."""
    _at(watched, 16, 16)
    for second in range(22, 41, 6):
        _at(watched, second, second)
    _at(watched, 52)
    _at(watched, 53, 53)
    _at(watched, 59, 59)
    assert _settled(watched) == 1 + 24 + (53 - 40) + 6


def test_only_the_last_gaps_are_remembered(watched: "Watched") -> None:
    for place in range(1, GAPS_MAX + 3):
        _at(watched, 1 + 6 * place)
    rows = _gaps(watched)
    assert (len(rows), rows[-1]) == (GAPS_MAX, (1 + 6 * (GAPS_MAX + 1), 1 + 6 * (GAPS_MAX + 2)))


def test_a_vote_on_the_interval_moves_no_pay(watched: "Watched") -> None:
    over = tables.GAPS.need(watched.chain.state(), tables.SINGLE).over
    assert over == watched.chain.params.consensus.interval + 4_000


def test_the_public_rule_knows_no_gaps() -> None:
    limits = UptimeLimits(
        grace=Seconds(4),
        skew=Seconds(8),
        report_cap=Seconds(6),
        sleep_max=Seconds(20),
        boot_max=Seconds(6),
    )
    assert limits.gaps == ()
    account = opened(Seconds(0), Seconds(60), ALWAYS_UP, Seconds(0))
    for t in (5, 25):
        account = report(account, limits, Seconds(t), Seconds(t), Seconds(t), after=False)
    assert account.total == 5 + CAP
