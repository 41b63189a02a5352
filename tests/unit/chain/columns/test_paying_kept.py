"""What the count of coins remembers, there and back: a batch half paid, a halt, other guardians."""

import pytest

from tfchain.base.units import Address, PeriodIndex, ScheduleId
from tfchain.chain.columns.coins import Line
from tfchain.chain.columns.fixing import Promise
from tfchain.chain.columns.paying import Pay, Paying
from tfchain.chain.columns.paying_kept import encode_coins, restore_coins
from tfchain.chain.genesis import Genesis
from tfchain.errors import Malformed

SEATED = (Address(bytes([1]) * 32), Address(bytes([2]) * 32))
LINES = tuple(Line(node, bytes([node]) * 32, 100 * node, 0, bytes(32)) for node in (1, 2, 4))


def _fresh(genesis: Genesis) -> Paying:
    return Paying(genesis.params, genesis.supply(), genesis.guardians)


def _half_paid() -> Pay:
    promise = Promise(
        schedule=ScheduleId(0),
        period=PeriodIndex(3),
        root=bytes(range(32)),
        count=3,
        total=700,
        payable=600,
    )
    return Pay(
        promise=promise,
        last=5,
        guardians=SEATED,
        owed=LINES,
        answer=(promise.root, promise.total, promise.count),
        agreed={SEATED[1]: True, SEATED[0]: False},
        blamed={SEATED[0]: (4, 2)},
        without={4: None},
        pay_at=1_700_000_000,
        cursor=2,
        place=1,
        minted=85,
        leaves=[b"a mint record"],
    )


def _counted(genesis: Genesis) -> Paying:
    paying = _fresh(genesis)
    paying.pays[0, 3], paying.halted, paying.guardians = _half_paid(), True, SEATED
    paying.locked.by_node = {7: {SEATED[1]: 5, SEATED[0]: 6}}
    return paying


def test_a_batch_half_paid_goes_on_where_it_was(genesis: Genesis) -> None:
    paying, again = _counted(genesis), _fresh(genesis)
    restore_coins(again, encode_coins(paying))
    before, after = paying.pays[0, 3], again.pays[0, 3]
    assert after.run(5) == before.run(5) == list(LINES[1:])
    for name in ("promise", "last", "guardians", "agreed", "blamed", "without", "void", "pay_at"):
        assert getattr(after, name) == getattr(before, name), name
    for name in ("answer", "cursor", "minted", "leaves", "root"):
        assert getattr(after, name) == getattr(before, name), name
    assert (again.halted, again.guardians) == (True, SEATED)


def test_what_waits_keeps_its_order(genesis: Genesis) -> None:
    """The last account of a full list gets what comes next: who came when is part of the answer."""
    again = _fresh(genesis)
    restore_coins(again, encode_coins(_counted(genesis)))
    assert again.locked.held(7) == ((SEATED[1], 5), (SEATED[0], 6))


@pytest.mark.parametrize("raw", [b"", b"\x90", b"nothing"])
def test_what_was_never_kept_is_malformed(genesis: Genesis, raw: bytes) -> None:
    with pytest.raises(Malformed):
        restore_coins(_fresh(genesis), raw)
