"""The second program's own reading of transactions: every kind, and bytes that are none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from tfchain.base.codec import Plain, encode
from tfchain.base.limits import MINT_TX_BYTES_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import Address, FarmId, NodeId, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.chain.columns.blocks import (
    Event,
    FarmMade,
    Minted,
    NodeChanged,
    NodeDeleted,
    NodeMade,
    PayoutSet,
    PoolSet,
    Renewed,
    Reported,
    StateSet,
    StellarSet,
    TargetSet,
    TwinMade,
    read_block,
)
from tfchain.chain.columns.users import ContractMade, Told, UsedTold
from tfchain.errors import Malformed
from tfchain.ledger.disputes import FixupEntry
from tfchain.ledger.records import Resources
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources
from tfchain.tx.registry import KINDS, NUMBERS

ME: Final = Address(b"\x07" * 32)
SIZE: Final = Resources(cru=1, mru=2, hru=3, sru=4)
REPORT: Final[list[Plain]] = [1, 5, 100, 20]


def _raw(kind: Plain, body: Plain, sender: Plain = ME) -> bytes:
    return encode([[1, "devnet-00000000", sender, 0, 9, 0, kind, body], bytes(64)])


def _of(body: Kind) -> bytes:
    return _raw(NUMBERS[type(body)], layout(type(body)).pack(body))


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (CreateTwin(relay="r", public_key=b"k"), TwinMade(ME, "r", b"k")),
        (CreateFarm(name="farm"), FarmMade(ME, "farm")),
        (SetPayoutAccount(farm_id=FarmId(2), account=ME), PayoutSet(2, ME)),
        (SetStellarAddress(farm_id=FarmId(2), address="GA"), StellarSet(2, "GA")),
        (
            RegisterNode(
                farm_id=FarmId(2),
                reporter=Address(b"\x08" * 32),
                resources=SIZE,
                country="BE",
                city="Gent",
                virtualized=True,
                acceptance=b"",
            ),
            NodeMade(ME, 2, SIZE, "BE", "Gent", virtualized=True),
        ),
        (
            UpdateNode(
                node_id=NodeId(3),
                resources=SIZE,
                country="BE",
                city="Gent",
                virtualized=False,
                acceptance=b"",
            ),
            NodeChanged(3, SIZE, "BE", "Gent", virtualized=False),
        ),
        (ReportUptime(node_id=NodeId(3), t=Seconds(9), uptime=8), Reported(3, 9, 8)),
        (SetPowerTarget(node_id=NodeId(3), up=True), TargetSet(3, up=True)),
        (SetPowerState(node_id=NodeId(3), t=Seconds(9), up=False), StateSet(3, up=False)),
        (SetFarmPool(farm_id=FarmId(1), pool=2, guarantee=990), PoolSet(1, 2, 990)),
        (DeleteNode(node_id=NodeId(3)), NodeDeleted(3)),
        (RenewContract(node_id=NodeId(3)), Renewed(3)),
        (
            CreateContract(
                node_id=NodeId(3),
                reserved=SIZE,
                public_ips=2,
                deployment_hash=bytes(32),
                deployment_data=b"",
            ),
            ContractMade(ME, 3, 2, whole=False),
        ),
        (RentNode(node_id=NodeId(3)), ContractMade(ME, 3, 0, whole=True)),
        (
            UpdateUsedResources(
                node_id=NodeId(3),
                t=Seconds(9),
                contracts=(UsedResources(contract_id=4, used=SIZE),),
            ),
            UsedTold(3, ((4, SIZE),)),
        ),
        (
            ReportConsumption(
                node_id=NodeId(3),
                t=Seconds(9),
                contracts=(Consumed(contract_id=4, window=Seconds(5), traffic=6),),
            ),
            Told(3, ((4, 5, 6),)),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_kind_says_what_it_says(body: Kind, event: Event) -> None:
    assert read_block([_of(body)], ["ok"]) == [event]


def test_coins_of_fixups_are_minted_too() -> None:
    entry = FixupEntry(
        fixup=1,
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        node_id=NodeId(3),
        account=ME,
        amount=Utft(70),
        lock=0,
        receipt=bytes(32),
    )
    body = MintFixup(entries=(entry, replace(entry, fixup=2, amount=Utft(7))))
    assert read_block([_of(body)], ["ok"]) == [Minted(77)]


def test_what_moves_coins_alone_is_passed_over() -> None:
    transfer = Transfer(to=ME, amount=Utft(5))
    commit = CommitMint(schedule=ScheduleId(0), period=PeriodIndex(0), digest=bytes(32))
    release = ReleaseLock(node_id=NodeId(3))
    assert read_block([_of(transfer), _of(commit), _of(release)], ["ok"] * 3) == []


def test_a_mint_says_how_much() -> None:
    entries = [[1, node, ME, 500 + node, 0, bytes(32)] for node in (1, 2)]
    assert read_block([_raw(0, [1, 0, 7, bytes(32), 3, entries])], ["ok"]) == [Minted(1_003)]
    with pytest.raises(Malformed, match="mint entries"):
        read_block([_raw(0, [1, 0, 7, bytes(32), 3, 4])], ["ok"])


def test_what_took_no_effect_is_not_even_read() -> None:
    assert read_block([b"\xc1", _raw(7, REPORT)], ["balance", "bad_uptime"]) == []


@pytest.mark.parametrize("number", sorted(KINDS))
def test_no_kind_of_the_ledger_is_unknown_here(number: int) -> None:
    """Those that are read at all find fault with an empty body, not with their number."""
    if number in {*range(10, 23), 24, 25, 27, 43, 51, 52, *range(56, 59), 71}:
        assert read_block([_raw(number, [])], ["ok"]) == []
        return
    with pytest.raises(Malformed, match="a list of"):
        read_block([_raw(number, [])], ["ok"])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="no bytes"),
        pytest.param(b"\xc1", id="no MessagePack"),
        pytest.param(bytes(MINT_TX_BYTES_MAX + 1), id="too many bytes"),
        pytest.param(encode(7), id="a number"),
        pytest.param(encode([[1], bytes(64)]), id="an envelope too short"),
        pytest.param(_raw("x", REPORT), id="a kind in words"),
        pytest.param(_raw(77, REPORT), id="an unknown kind"),
        pytest.param(_raw(-1, REPORT), id="a kind below 0"),
        pytest.param(_raw(7, 5), id="a body that is no list"),
        pytest.param(_raw(7, [1, 5, 100]), id="a field missing"),
        pytest.param(_raw(7, [2, 5, 100, 20]), id="another version"),
        pytest.param(_raw(7, [1, True, 100, 20]), id="true for a number"),
        pytest.param(_raw(7, REPORT, "me"), id="a sender in words"),
        pytest.param(_raw(8, [1, 5, 1]), id="a number for true"),
        pytest.param(_raw(2, [1, b"farm"]), id="bytes for text"),
        pytest.param(_raw(6, [1, 5, [1, 2], "", "", False, b""]), id="resources cut short"),
        pytest.param(_raw(54, [1, 5, 100, 7]), id="a number for a list"),
        pytest.param(_raw(70, [1, 7]), id="a number for fixups"),
        pytest.param(_raw(70, [1, [[1, 2]]]), id="a fixup cut short"),
        pytest.param(_raw(54, [1, 5, 100, [[1, 4, 5]]]), id="a report cut short"),
        pytest.param(_raw(53, [1, 5, 100, [[1, 4, 5]]]), id="a number for resources"),
    ],
)
def test_bytes_that_say_nothing_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_block([raw], ["ok"])


@pytest.mark.parametrize("codes", [[], ["ok", "ok"]])
def test_each_transaction_has_its_code(codes: Sequence[str]) -> None:
    with pytest.raises(Malformed, match="codes"):
        read_block([_raw(7, REPORT)], codes)
