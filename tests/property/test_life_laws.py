"""Laws over random histories in which every kind of transaction is sent: by farms, users, guardians,
validators, and by whoever has no right to.

A history is four minutes of blocks: five regimes register nodes on two schedules, some of them lazy;
batches are approved, disputed, ruled on, put right; measures of every sort are voted; users take
capacity; machines go. After each block the ledger's own sums are done again, from the blocks alone
where that can be.
"""

import importlib.util
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tfchain.base import crypto, merkle
from tfchain.base.address import to_text
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PolicyId,
    Power,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain.audit_coins import SecondCoins
from tfchain.chain.columns.paying import Block
from tfchain.chain.columns.program import Columns
from tfchain.chain.execute import OK, check_txs
from tfchain.chain.genesis import read_genesis
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.changes import SetConstant, SetPower, Upgrade
from tfchain.ledger.disputes import NamedNode
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.measures import (
    GUARDIANS,
    AddRegime,
    ApproveBatch,
    AttachPolicy,
    CertifyFarm,
    CertifyNode,
    FixReceipt,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    PolicyOffer,
    SeatGuardian,
    SetDefaultPolicy,
    SetPrice,
    SetRule,
    VoidBatch,
    row_of,
)
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    PAID,
    PAYING,
    RECEIPT_TAG,
    SEALED,
    VOID,
    Batch,
    Receipt,
)
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.tx import capacity
from tfchain.tx.billing import book_of as bills_of
from tfchain.tx.fixups import book_of as fixups_of
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.remove_farm_ip import RemoveFarmIp
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.rotate_reporter import RotateReporter
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_change import VoteChange
from tfchain.tx.kinds.vote_proposal import VoteProposal
from tfchain.tx.lookup import acceptance_message, owner_of
from tfchain.tx.proposals import docket_of
from tfchain.tx.registry import KINDS, open_body
from tfchain.tx.transaction import decode_transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain

HERE = Path(__file__).resolve().parent
FARMERS, USERS, THIEVES = (1, 20, 21, 22, 23, 24, 2, 4, 25), (4, 25, 20), (26, 27)
SEATED, REPORTERS = (2, 3, 4), (5, 6)
PEOPLE = (*FARMERS, 3)
"""All have twins but guardian 3, who may take somebody's."""
LITTLE = 15_000_000_000
"""Coins that some chains have room for: less than their nodes farm."""
SEEDS, LAST = range(6), 235
STANDING, STILL = (5,), (165, 226)
"""Chains without a block between these seconds: periods are skipped, their own ones cut off."""


def _kit() -> ModuleType:
    """The chain that the unit tests drive by hand."""
    path = HERE.parent / "unit" / "chain" / "conftest.py"
    spec = importlib.util.spec_from_file_location("chain_kit_of_lives", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["chain_kit_of_lives"] = module
    spec.loader.exec_module(module)
    return module


KIT = _kit()
NAMES: dict[Address, int] = {KIT.key(number): number for number in range(1, 40)}
SCHEDULES = """[[schedule]]
id = 1
name = "fixed"
start_from = "genesis"
start = 15
length = 30
own = 24
post_window = 10
commit_window = 4
attest_window = 12
payout_delay = 2

[uptime]"""
REGIMES = "\n".join(
    f'[[regime]]\nregime = "{name}"\nstart = {KIT.GENESIS + start}\nschedule = {schedule}\n{offer}'
    for name, start, schedule, offer in (
        ("farming_2018", 0, 1, ""),
        ("farming_2019", 4, 1, ""),
        ("farming_v2", 8, 0, ""),
        ("farming_v3", 12, 0, ""),
        ("farming_v3_lockup", 16, 0, "[regime.offer]\nage = 60\n"),
        ("farming_v3", 40, 0, ""),
    )
)
FASTER = (
    ("length = 60", "length = 30"),
    ("post_window = 12", "post_window = 10"),
    ("commit_window = 10", "commit_window = 4"),
    ("attest_window = 30", "attest_window = 12"),
    ("payout_delay = 4", "payout_delay = 2"),
    ("voting = 60", "voting = 8"),
    ("grace = 30\nprice_cu", "grace = 12\nprice_cu"),
    ("[uptime]", SCHEDULES),
    ('[[regime]]\nregime = "farming_v3"\nstart = 0\nschedule = 0\n', REGIMES),
)
JOINS = {2: 1, 5: 20, 9: 21, 13: 22, 17: 23, 18: 24, 41: 2, 42: 4, 43: 25}
"""When farmers come, each under another regime."""
LAZY, LOCKED = NodeId(4), NodeId(5)
"""A node that may register anew, and one whose coins wait for its age."""


def _text(seed: int) -> str:
    template = (HERE.parents[1] / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    rows = [
        f'[[account]]\naddress = "{to_text(KIT.key(n))}"\nbalance = {KIT.FUNDS}\n'
        for n in (24, 25, *THIEVES)
    ]
    text = KIT.stamped(template) + "".join(rows)
    bounded = ("settle_nodes = 500", f"settle_nodes = {(500, 2, 3, 500)[seed % 4]}")
    text = KIT.changed(text, KIT.several_validators((3, 3, 3, 1)), *FASTER, bounded)
    assert isinstance(text, str)
    if seed % 2:
        cap = read_genesis(text).supply() + LITTLE
        text = text.replace("supply_cap = 40000000000000000", f"supply_cap = {cap}")
    return text


# --- who may do what ------------------------------------------------------------------------------

Asked = Callable[[State, Any, Address], bool]
"""Whether a sender may do this, as the ledger stands (protocol.md, who may do what)."""


def _owner(state: State, farm_id: int) -> Address | None:
    farm = tables.FARMS.get(state, tables.id_key(farm_id))
    return None if farm is None else owner_of(state, farm)


def _node_owner(state: State, node_id: int) -> Address | None:
    node = tables.NODES.get(state, tables.id_key(node_id))
    return None if node is None else _owner(state, node.farm_id)


def _machine(state: State, node_id: int) -> Address | None:
    """The account of the node's twin."""
    node = tables.NODES.get(state, tables.id_key(node_id))
    return None if node is None else _twin(state, node.twin_id)


def _twin(state: State, twin_id: int) -> Address | None:
    twin = tables.TWINS.get(state, tables.id_key(twin_id))
    return None if twin is None else twin.account


def _reporter(state: State, node_id: int) -> Address | None:
    row = tables.UPTIMES.get(state, tables.id_key(node_id))
    return None if row is None else row.reporter


def _user(state: State, contract_id: int) -> Address | None:
    row = tables.CAPACITY.get(state, tables.id_key(contract_id))
    return None if row is None else _twin(state, row.twin_id)


def _accepted(state: State, body: RegisterNode | UpdateNode | MoveNode, who: Address) -> bool:
    """The owner of the farm sent it, or signed for this very transaction."""
    farm_id, size = _asked_of(state, body)
    owner, row = _owner(state, farm_id), tables.ACCOUNTS.need(state, who)
    if owner is None or owner == who:
        return owner is not None
    chain_id = tables.PARAMS.need(state, tables.SINGLE).chain_id
    return any(
        crypto.verify(
            owner, acceptance_message(chain_id, who, row.nonce + n, farm_id, size), body.acceptance
        )
        for n in range(8)
    )


def _asked_of(state: State, body: RegisterNode | UpdateNode | MoveNode) -> tuple[FarmId, Resources]:
    if isinstance(body, RegisterNode):
        return body.farm_id, body.resources
    node = tables.NODES.need(state, tables.id_key(body.node_id))
    if isinstance(body, UpdateNode):
        return node.farm_id, body.resources
    return body.farm_id, node.resources


def _offered(state: State, key: bytes, holder: Address | None, who: Address) -> bool:
    row = tables.OFFERS.get(state, key)
    return row is not None and (row.by, row.to) == (holder, who)


def _is_guardian(state: State, who: Address) -> bool:
    return who in tables.GUARDIANS.need(state, tables.SINGLE).accounts


def _of_batch(state: State, body: AttestMint | DisputeNodes, who: Address) -> bool:
    batch = tables.BATCHES.get(state, tables.batch_key(body.schedule, body.period))
    return batch is not None and who in batch.guardians


def _has_power(state: State, who: Address) -> bool:
    roster = tables.ROSTER.need(state, tables.SINGLE)
    members = tables.MEMBERS.need(state, tables.height_key(roster.newest)).validators
    return any(row.reward_account == who for row in members)


def _may_propose(state: State, body: Propose, who: Address) -> bool:
    if row_of(body.measure).chamber == GUARDIANS or not body.farm_id:
        return _is_guardian(state, who)
    return _owner(state, body.farm_id) == who


def _of_seat(state: State, body: LeaveValidators, who: Address) -> bool:
    seat = tables.SEATS.get(state, body.validator)
    return seat is not None and seat.reward_account == who


def _everybody(_state: State, _body: object, _who: Address) -> bool:
    return True


def _nobody(_state: State, _body: object, _who: Address) -> bool:
    return False


def _of_farm(state: State, body: Any, who: Address) -> bool:
    return _owner(state, body.farm_id) == who


def _of_reporter(state: State, body: Any, who: Address) -> bool:
    return _reporter(state, body.node_id) == who


def _as_guardian(state: State, _body: object, who: Address) -> bool:
    return _is_guardian(state, who)


def _as_validator(state: State, _body: object, who: Address) -> bool:
    return _has_power(state, who)


MAY: dict[type[Kind], Asked] = {
    Mint: _nobody,
    MintFixup: _nobody,
    Enact: _nobody,
    CreateTwin: _everybody,
    CreateFarm: _everybody,
    Transfer: _everybody,
    ReleaseLock: _everybody,
    CreateContract: _everybody,
    RentNode: _everybody,
    ProposeValidator: _everybody,
    OfferTwin: _everybody,
    SetPayoutAccount: _of_farm,
    SetStellarAddress: _of_farm,
    SetFarmPool: _of_farm,
    AddFarmIp: _of_farm,
    RemoveFarmIp: _of_farm,
    OfferFarm: _of_farm,
    VoteProposal: _of_farm,
    RegisterNode: _accepted,
    UpdateNode: lambda s, b, who: _machine(s, b.node_id) == who and _accepted(s, b, who),
    MoveNode: lambda s, b, who: _machine(s, b.node_id) == who and _accepted(s, b, who),
    RenewContract: lambda s, b, who: _machine(s, b.node_id) == who,
    DeleteNode: lambda s, b, who: who in (_machine(s, b.node_id), _node_owner(s, b.node_id)),
    RotateReporter: lambda s, b, who: who in (_reporter(s, b.node_id), _node_owner(s, b.node_id)),
    SetPowerTarget: lambda s, b, who: _node_owner(s, b.node_id) == who,
    SetDedicated: lambda s, b, who: _node_owner(s, b.node_id) == who,
    ReportUptime: _of_reporter,
    SetPowerState: _of_reporter,
    UpdateUsedResources: _of_reporter,
    ReportConsumption: _of_reporter,
    UpdateContract: lambda s, b, who: _user(s, b.contract_id) == who,
    CancelContract: lambda s, b, who: _user(s, b.contract_id) == who,
    AcceptFarm: lambda s, b, who: _offered(s, tables.of_farm(b.farm_id), _owner(s, b.farm_id), who),
    AcceptTwin: lambda s, b, who: _offered(s, tables.of_twin(b.twin_id), _twin(s, b.twin_id), who),
    CommitMint: _as_guardian,
    VoteAsGuardian: _as_guardian,
    VetoProposal: _as_guardian,
    AttestMint: _of_batch,
    DisputeNodes: _of_batch,
    Propose: _may_propose,
    ProposePower: _as_validator,
    ProposeConstant: _as_validator,
    ProposeUpgrade: _as_validator,
    VoteChange: _as_validator,
    LeaveValidators: _of_seat,
}
MOVING = (AcceptFarm, AcceptTwin, RotateReporter, MoveNode, DeleteNode, LeaveValidators)
"""What changes who may do what: such a transaction has the people's part of its block alone."""


def test_of_every_kind_it_is_said_who_may_send_it() -> None:
    assert set(MAY) == set(KINDS.values())


# --- what people come up with ---------------------------------------------------------------------


@dataclass
class Life:
    """A chain with everybody on it, and what was seen of it."""

    chain: "Chain"
    chance: random.Random
    moods: dict[tuple[int, int], str] = field(default_factory=dict)
    """What guardians make of a batch."""
    took: Counter[str] = field(default_factory=Counter)
    robbed: Counter[str] = field(default_factory=Counter)
    enacted: Counter[str] = field(default_factory=Counter)
    contracts: dict[bytes, bytes] = field(default_factory=dict)
    """What every node was promised, byte for byte."""
    minted: int = 0
    bonds: int = 0
    """Burned for evidence."""

    def __post_init__(self) -> None:
        genesis = self.chain.genesis
        self.columns = Columns(genesis.params, genesis.policies, genesis.supply())
        self.coins = SecondCoins(genesis)
        self.sealed: dict[tuple[int, int], None] = {}
        """By batch: both programs have been held together."""

    @property
    def state(self) -> State:
        return self.chain.state()

    def nodes(self) -> range:
        return range(1, self.chain.totals().nodes + 1)

    def node(self) -> NodeId:
        return NodeId(self.chance.randint(1, max(1, self.chain.totals().nodes)))

    def node_of(self, who: int) -> NodeId:
        """His own, mostly."""
        twin = tables.TWIN_OF.get(self.state, KIT.key(who))
        key = b"" if twin is None else tables.id_key(twin.twin_id)
        own = tables.NODE_OF.get(self.state, key)
        return self.node() if own is None or self.chance.random() < 0.2 else own.node_id

    def picked(self, likely: list[Any], else_: Any) -> Any:
        """One of what makes sense, mostly."""
        return self.chance.choice(likely) if likely and self.chance.random() < 0.8 else else_

    def farm(self) -> FarmId:
        return FarmId(self.chance.randint(1, max(1, self.chain.totals().farms)))

    def someone(self) -> Address:
        address: Address = KIT.key(self.chance.choice(PEOPLE))
        return address

    def batches(self) -> Iterator[Batch]:
        for schedule in (0, 1):
            for period in range(11):
                if self.chain.has_batch(period, schedule):
                    yield self.chain.batch(period, schedule)

    def signed(self, who: int, farm_id: FarmId, size: Resources) -> bytes:
        """The acceptance of the farm's owner, or now and then of somebody else."""
        owner = NAMES.get(_owner(self.state, farm_id) or KIT.key(1), 1)
        signer = owner if self.chance.random() < 0.9 else self.chance.choice(PEOPLE)
        nonce = self.chain.envelope(who, CreateFarm(name="any")).nonce
        message = acceptance_message(self.chain.params.chain_id, KIT.key(who), nonce, farm_id, size)
        return crypto.sign(KIT.seed(signer), message)


SIZES = (KIT.BIG, KIT.BIG, Resources(cru=4, mru=8 << 30, hru=1 << 42, sru=200 << 30))


def _joined(life: Life, who: int, farm_id: FarmId) -> RegisterNode:
    size = life.chance.choice(SIZES)
    return RegisterNode(
        farm_id=farm_id,
        reporter=KIT.key(REPORTERS[0]),
        resources=size,
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=life.signed(who, farm_id, size),
    )


def _updated(life: Life, who: int) -> UpdateNode:
    node_id, size = life.node_of(who), life.chance.choice(SIZES)
    node = tables.NODES.need(life.state, tables.id_key(node_id))
    return UpdateNode(
        node_id=node_id,
        resources=size,
        country="BE",
        city="",
        virtualized=life.chance.random() < 0.05,
        acceptance=life.signed(who, node.farm_id, size),
    )


def _moved(life: Life, who: int) -> MoveNode:
    node_id, farm_id = life.node_of(who), life.farm()
    node = tables.NODES.need(life.state, tables.id_key(node_id))
    signed = life.signed(who, farm_id, node.resources)
    return MoveNode(node_id=node_id, farm_id=farm_id, acceptance=signed)


def _contract(life: Life) -> CreateContract:
    part = Resources(cru=life.chance.randint(0, 3), mru=1 << 30, hru=0, sru=40 << 30)
    return CreateContract(
        node_id=life.node(),
        reserved=part,
        public_ips=life.chance.choice((0, 0, 1)),
        deployment_hash=life.chance.randbytes(32),
        deployment_data=b"",
    )


def _of_farmer(life: Life, who: int) -> Kind:
    """Something that a farmer, his neighbour or a stranger may want."""
    chance, node, farm = life.chance, life.node(), life.farm()
    twins = range(1, life.chain.totals().twins + 1)
    held_out = [n for n in twins if tables.OFFERS.get(life.state, tables.of_twin(TwinId(n)))]
    twin = TwinId(life.picked(held_out, chance.choice(twins)))
    ip = f"185.69.166.{chance.randint(2, 9)}/24"
    known = [one.ip for one in capacity.ips_of(life.state, farm).ips]
    wishes: tuple[tuple[int, Callable[[], Kind]], ...] = (
        (2, lambda: SetPayoutAccount(farm_id=farm, account=life.someone())),
        (2, lambda: SetStellarAddress(farm_id=farm, address="G" * chance.randint(0, 9))),
        (2, lambda: SetFarmPool(farm_id=farm, pool=chance.randint(0, 2), guarantee=0)),
        (2, lambda: AddFarmIp(farm_id=farm, ip=ip, gateway="185.69.166.1")),
        (2, lambda: RemoveFarmIp(farm_id=farm, ip=life.picked(known, ip))),
        (2, lambda: SetPowerTarget(node_id=node, up=chance.random() < 0.7)),
        (2, lambda: SetDedicated(node_id=node, dedicated=chance.random() < 0.3, extra_fee=9)),
        (1, lambda: RotateReporter(node_id=node, reporter=KIT.key(chance.choice(REPORTERS)))),
        (2, lambda: OfferFarm(farm_id=farm, to=life.someone())),
        (3, lambda: AcceptFarm(farm_id=farm)),
        (2, lambda: OfferTwin(to=chance.choice((life.someone(), KIT.key(3), KIT.key(3))))),
        (3, lambda: AcceptTwin(twin_id=twin)),
        (3, lambda: _moved(life, who)),
        (3, lambda: _updated(life, who)),
        (2, lambda: _joined(life, who, farm)),
        (4, lambda: RenewContract(node_id=life.picked([LAZY], node))),
        (4, lambda: ReleaseLock(node_id=life.picked([LOCKED], node))),
        (1, lambda: CreateFarm(name=f"farm_{chance.randint(1, 99)}")),
        (1, lambda: CreateTwin(relay="", public_key=b"")),
        (1, lambda: Transfer(to=life.someone(), amount=Utft(chance.getrandbits(30)))),
        (2 if life.chain.second > 150 else 0, lambda: DeleteNode(node_id=node)),
    )
    return chance.choices([one for _, one in wishes], [weight for weight, _ in wishes])[0]()


Opening = CreateContract | RentNode


def _of_user(life: Life) -> Kind:
    chance = life.chance
    number = chance.randint(1, bills_of(life.state).contracts + 1)
    wishes: tuple[tuple[int, Callable[[], Kind]], ...] = (
        (6, lambda: _contract(life)),
        (2, lambda: CancelContract(contract_id=number)),
        (2, lambda: RentNode(node_id=life.node())),
        (
            2,
            lambda: UpdateContract(
                contract_id=number, deployment_hash=chance.randbytes(32), deployment_data=b""
            ),
        ),
    )
    return chance.choices([one for _, one in wishes], [weight for weight, _ in wishes])[0]()


def _of_validator(life: Life) -> Kind:
    chance = life.chance
    validator = validator_address(KIT.key(31 + chance.randint(0, 3)))
    change = chance.randint(1, 3)
    wishes: tuple[tuple[int, Callable[[], Kind]], ...] = (
        (2, lambda: ProposePower(validator=validator, power=Power(2), force=True)),
        (2, lambda: ProposeConstant(name="ledger.voting", value=chance.randint(5, 9))),
        (1, lambda: ProposeUpgrade(height=Height(10**6), rules=2, release="r2")),
        (
            1,
            lambda: ProposeValidator(
                validator_key=KIT.key(35),
                power=Power(1),
                bond=Utft(777),
                reward_account=KIT.key(25),
                force=True,
            ),
        ),
        (9, lambda: VoteChange(change=change, yes=chance.random() < 0.8)),
        (
            4 if life.chain.second > LEAVING_AFTER else 0,
            lambda: LeaveValidators(validator=validator),
        ),
    )
    return chance.choices([one for _, one in wishes], [weight for weight, _ in wishes])[0]()


def _measure(life: Life) -> Measure:
    """Something that somebody may put to the vote; much of it cannot be done."""
    chance, yes = life.chance, life.chance.random() < 0.5
    now, totals = life.chain.second + KIT.GENESIS, life.chain.totals()
    room = totals.minted_ever + totals.reserved + chance.getrandbits(33)
    validator = validator_address(KIT.key(31 + chance.randint(0, 3)))
    offer = PolicyOffer(
        name="voted",
        price_cu=chance.randint(0, 9_000),
        price_su=chance.randint(0, 9_000),
        price_nu=1,
        price_ipv4=1,
        minimal_uptime=chance.choice((500, 900)),
        immutable=yes,
        default=chance.random() < 0.7,
        node_certified=chance.random() < 0.3,
        gold=chance.random() < 0.3,
        until=Seconds(0),
        allow_low_uptime=False,
    )
    attached = AttachPolicy(
        farm_id=life.farm(),
        policy_id=PolicyId(chance.randint(0, 4)),
        cu=chance.choice((0, 10)),
        su=0,
        nodes=chance.randint(0, 2),
        until=Seconds(0),
        node_certified=chance.random() < 0.2,
    )
    return chance.choice(
        (
            SetPrice(price=MilliUsd(chance.randint(1, 200))),
            offer,
            attached,
            SetDefaultPolicy(policy_id=PolicyId(chance.randint(1, 3))),
            CertifyNode(node_id=life.node(), certified=yes),
            CertifyNode(node_id=life.node(), certified=True),
            CertifyFarm(farm_id=life.farm(), gold=yes),
            FlagFraud(node_id=life.node(), evidence=bytes(32)),
            SetRule(name="farming_2018.difficulty", value=chance.randint(1, 9)),
            SetRule(name="farming_v3_lockup.age", value=chance.randint(1, 99)),
            LowerCap(cap=Utft(room)) if life.chain.second > 100 else attached,
            SeatGuardian(account=KIT.key(1), seated=yes),
            SetConstant(name="ledger.expiry_max", value=chance.randint(900, 999)),
            SetPower(validator=validator, power=Power(chance.randint(1, 3))),
            Upgrade(height=Height(10**6), rules=2, release="r2"),
            AddRegime(
                start=Seconds(now + chance.randint(9, 30)),
                regime=chance.randint(1, 5),
                schedule=ScheduleId(chance.randint(0, 1)),
            ),
            Halt(halted=True) if chance.random() < 0.3 else offer,
        )
    )


def _corrected(life: Life) -> Measure | None:
    """What guardians rule about a batch that is stuck, or was wrong."""
    for batch in life.batches():
        if batch.state == DISPUTED and life.chance.random() < 0.2:
            if life.chance.random() < 0.3:
                return VoidBatch(schedule=batch.schedule, period=batch.period)
            named = [one for one in _named(life.state, batch) if life.chance.random() < 0.7]
            without = tuple(sorted({*named}))
            return ApproveBatch(schedule=batch.schedule, period=batch.period, without=without)
        if batch.state in (PAID, VOID) and batch.count and life.chance.random() < 0.1:
            return _fixed(life, batch)
    return None


def _named(state: State, batch: Batch) -> list[NodeId]:
    name = tables.batch_key(batch.schedule, batch.period)
    rows = [
        tables.DISPUTES.get(state, tables.of_guardian(name, guardian))
        for guardian in batch.guardians
    ]
    return [one.node_id for row in rows if row is not None for one in row.named]


def _receipts(state: State, batch: Batch) -> list[Receipt]:
    name = tables.batch_key(batch.schedule, batch.period)
    rows = [
        tables.RECEIPTS.get(state, tables.in_batch(name, node))
        for node in range(1, batch.node_last + 1)
    ]
    return [row for row in rows if row is not None]


def _fixed(life: Life, batch: Batch) -> FixReceipt:
    rows = _receipts(life.state, batch)
    debts = [n for n, row in enumerate(rows) if _owes(life.state, row.node_id)]
    index = life.picked(debts, life.chance.randrange(len(rows)))
    leaves, right = [encode_record(row) for row in rows], rows[index]
    return FixReceipt(
        schedule=batch.schedule,
        period=batch.period,
        receipt=leaves[index],
        index=index,
        path=tuple(merkle.prove(RECEIPT_TAG, leaves, index)),
        uptime=right.uptime,
        cu=right.cu,
        su=right.su,
        nu=right.nu,
        musd=MilliUsd(right.musd),
        amount=Utft(life.chance.choice((0, right.amount // 2, right.amount + 10**9))),
        correct_receipt=bytes(32),
    )


def _owes(state: State, node_id: NodeId) -> bool:
    return tables.DEBTS.get(state, tables.id_key(node_id)) is not None


def _proposed(life: Life, measure: Measure, farm_id: FarmId) -> Propose:
    return Propose(
        farm_id=farm_id,
        measure=measure,
        text_hash=bytes(32),
        link="",
        threshold=5,
        seconds=Seconds(0),
    )


def _votes(life: Life) -> list[tuple[int, Kind]]:
    """What voters say of what is open: mostly yes."""
    sent: list[tuple[int, Kind]] = []
    docket, chance = docket_of(life.state), life.chance
    if docket.halted and not docket.open:
        return [(2, _proposed(life, Halt(halted=False), FarmId(0)))]
    for row in docket.open:
        measure = tables.PROPOSALS.need(life.state, tables.id_key(row.id)).measure
        if row_of(measure).chamber == GUARDIANS:
            said = VoteAsGuardian(proposal=row.id, yes=chance.random() < 0.9)
            sent += [(who, said) for who in SEATED if chance.random() < 0.7]
            continue
        for farm in range(1, life.chain.totals().farms + 1):
            owner = NAMES[_owner(life.state, farm) or KIT.key(1)]
            if chance.random() < 0.6:
                vote = VoteProposal(
                    proposal=row.id, farm_id=FarmId(farm), yes=chance.random() < 0.9
                )
                sent.append((owner, vote))
        if chance.random() < 0.05:
            sent.append((chance.choice(SEATED), VetoProposal(proposal=row.id)))
    return sent


def _minting(life: Life) -> list[tuple[int, Kind]]:
    """Guardians agree on a batch, are silent, or two of three have something else."""
    sent: list[tuple[int, Kind]] = []
    for batch in life.batches():
        name = batch.schedule, batch.period
        mood = life.moods.setdefault(
            name, life.chance.choice(("right", "right", "right", "silent", "wrong", "wrong"))
        )
        if batch.state == COMMIT and mood == "right":
            sent += [(who, _committed(life, batch)) for who in SEATED[:1]]
        if batch.state in (SEALED, DISPUTED) and mood != "silent":
            wrong = mood == "wrong" and life.chance.random() < 0.9
            sent += [(who, _attested(batch, int(wrong and who != 2))) for who in SEATED]
        if batch.state == DISPUTED and mood == "wrong" and batch.node_last:
            named = NamedNode(
                node_id=NodeId(life.chance.randint(1, batch.node_last)),
                receipt=life.chance.randbytes(32),
                amount=Utft(1),
            )
            sent.append((3, DisputeNodes(schedule=name[0], period=name[1], named=(named,))))
    return [one for one in sent if life.chance.random() < 0.5]


def _committed(life: Life, batch: Batch) -> CommitMint:
    return CommitMint(
        schedule=batch.schedule, period=batch.period, digest=life.chance.randbytes(32)
    )


def _attested(batch: Batch, wrong: int) -> AttestMint:
    return AttestMint(
        schedule=batch.schedule,
        period=batch.period,
        root=batch.root,
        total=batch.total + wrong,
        count=batch.count,
        salt=bytes(32),
    )


def _told(life: Life, second: int) -> list[tuple[int, Kind]]:
    """One node is lazy, and all of them now and then tell nonsense, sleep or wake."""
    sent: list[tuple[int, Kind]] = []
    t, chance, state = Seconds(KIT.GENESIS + second), life.chance, life.state
    for number in life.nodes():
        row, node = tables.UPTIMES.need(state, tables.id_key(number)), NodeId(number)
        who = NAMES.get(row.reporter)
        if who is None or t <= max(row.last_t, row.power_moved):
            continue
        if chance.random() < (0.7 if number == LAZY else 0.03):
            continue
        if chance.random() < 0.01:
            sent.append((who, SetPowerState(node_id=node, t=t, up=not row.power.state_up)))
        else:
            up = second if chance.random() < 0.997 else chance.randint(0, second)
            sent.append((who, ReportUptime(node_id=node, t=t, uptime=up)))
        sent += [(who, body) for body in _of_contracts(life, node, t)]
    return sent


def _of_contracts(life: Life, node: NodeId, t: Seconds) -> Iterator[Kind]:
    state, load = life.state, capacity.load_of(life.state, node)
    numbers = range(1, bills_of(state).contracts + 1)
    rows = [tables.CAPACITY.get(state, tables.id_key(one)) for one in numbers]
    mine = [row for row in rows if row is not None and row.node_id == node and row.type == 0]
    if not mine or life.chance.random() < 0.5:
        return
    if t > load.used_t:
        used = tuple(UsedResources(contract_id=row.id, used=row.reserved) for row in mine)
        yield UpdateUsedResources(node_id=node, t=t, contracts=used)
    if t > load.consumed_t:
        seen = tuple(
            Consumed(contract_id=row.id, window=Seconds(max(1, t - row.consumed_at)), traffic=9)
            for row in mine
        )
        yield ReportConsumption(node_id=node, t=t, contracts=seen)


def _sender(life: Life, body: Kind, else_: int) -> int:
    """Mostly somebody who may; else whoever had the wish."""
    if isinstance(body, RegisterNode | UpdateNode | MoveNode) or life.chance.random() < 0.3:
        return else_
    state, may = life.state, MAY[type(body)]
    entitled = [who for who in PEOPLE if may(state, body, KIT.key(who))]
    return life.chance.choice(entitled or [else_])


def _said(life: Life) -> list[tuple[int, Kind]]:
    """The people's part of a block."""
    chance = life.chance
    sent = _votes(life) + _minting(life)
    if chance.random() < 0.5:
        measure = _corrected(life) or _measure(life)
        farm_id = life.farm() if chance.random() < 0.4 else FarmId(0)
        who = NAMES[_owner(life.state, farm_id) or KIT.key(2)] if farm_id else 2
        sent.append((who, _proposed(life, measure, farm_id)))
    for _ in range(chance.choice((0, 1, 2, 2))):
        farmer = chance.choice(FARMERS)
        wish = _of_farmer(life, farmer)
        sent.append((_sender(life, wish, farmer), wish))
    if chance.random() < 0.4:
        wish = _of_user(life)
        user = chance.choice(USERS)
        sent.append((user if isinstance(wish, Opening) else _sender(life, wish, user), wish))
    if chance.random() < 0.3:
        wish = _of_validator(life)
        sent.append((_sender(life, wish, chance.choice(PEOPLE)), wish))
    chance.shuffle(sent)
    moving = [one for one in sent if isinstance(one[1], MOVING)]
    return moving[:1] if moving else sent


# --- what holds after every block -----------------------------------------------------------------


Marked = dict[bytes, list[tuple[bytes, bytes]]]


def _marked(chain: "Chain") -> Marked:
    """All rows by the beginning of their places, which names their table."""
    found: Marked = {}
    for place, value in chain.rows.items():
        found.setdefault(place[:2], []).append((place[2:], value))
    return found


def _rows(marked: Marked, table: Any) -> dict[bytes, Any]:
    return {key: table.decode(value) for key, value in marked.get(table.stored_at(b""), [])}


def _check_supply(life: Life) -> None:
    """All that anybody has is what genesis gave and mints brought, less what was burned."""
    chain, state, totals = life.chain, life.state, life.chain.totals()
    supply = chain.genesis.supply()
    assert totals.minted_ever == supply + life.minted
    assert totals.burned == life.bonds + bills_of(state).burned
    assert chain.supply() == supply + life.minted - totals.burned
    promised = [tables.FIXUPS.need(state, tables.id_key(n)) for n in fixups_of(state).waiting]
    due: int = sum(one.payable for one in promised)
    due += sum(
        batch.payable - batch.minted
        for batch in life.batches()
        if batch.state in (SEALED, APPROVED, PAYING, DISPUTED)
    )
    assert totals.reserved == due, "what is promised is what nobody has yet"
    cap = tables.PARAMS.need(state, tables.SINGLE).supply_cap
    assert totals.minted_ever + totals.reserved <= cap


def _check_debts_and_locks(marked: Marked) -> None:
    """A debt is what fixups made, less what pay and fixups gave back; a lock is somebody's holding."""
    owed = Counter[bytes]()
    for fixup in _rows(marked, tables.FIXUPS).values():
        owed[tables.id_key(fixup.node_id)] += fixup.debt - fixup.offset
    for place, row in _rows(marked, tables.DEDUCTIONS).items():
        owed[place[-4:]] -= row.amount
    debts = {key: row.owed for key, row in _rows(marked, tables.DEBTS).items()}
    assert debts == {key: left for key, left in owed.items() if left}
    held = Counter[bytes]()
    for lock in _rows(marked, tables.LOCKS).values():
        for one in lock.held:
            held[one.account] += one.amount
    holdings = {key: row.locked for key, row in _rows(marked, tables.HOLDINGS).items()}
    assert {key: left for key, left in holdings.items() if left} == {
        key: left for key, left in held.items() if left
    }


def _check_contracts(life: Life, marked: Marked, took: list[tuple[int, Kind]]) -> None:
    """No vote, and nothing else, changes a contract that is there: but its own twin renews it."""
    renewed = {tables.id_key(b.node_id) for _, b in took if isinstance(b, RenewContract)}
    for table in (tables.CONTRACTS, tables.OWN_TERMS):
        for key, row in marked.get(table.stored_at(b""), []):
            place = table.stored_at(key)
            assert key in renewed or life.contracts.setdefault(place, row) == row
            life.contracts[place] = row


def _check_rights(before: State, life: Life, took: list[tuple[int, Kind]]) -> None:
    """Whoever had something done was entitled to it, as things stood before or after the block.

    After: a farm of this very block has an owner, a guardian was seated by an enactment before it.
    """
    for who, body in took:
        may, sender = MAY[type(body)], KIT.key(who)
        moving = isinstance(body, MOVING)
        allowed = may(before, body, sender) or (not moving and may(life.state, body, sender))
        assert allowed, (life.chain.second, who, body)


def _follow(life: Life) -> None:
    """The second program comes to the same terms, receipts and coins, from the block alone (P36)."""
    chain, columns = life.chain, life.columns
    block, codes, found = chain.blocks[-1], chain.outcome.codes, []
    columns.take(block.height, block.time_ms, block.txs, codes)
    for machine in columns._roster.machines:
        key = tables.id_key(machine.contract.node_id)
        assert machine.contract == tables.CONTRACTS.need(life.state, key)
        assert machine.numbers == tables.OWN_TERMS.need(life.state, key).numbers
    for batch in life.batches():
        name = batch.schedule, batch.period
        if batch.state >= SEALED and name not in life.sealed:
            life.sealed[name] = None
            result = columns.result(*name)
            assert (result.root, result.total, result.count) == (
                batch.root,
                batch.total,
                batch.count,
            )
            found.append((*name, result))
    moment = Block(block.height, block.time_ms // 1_000, block.txs, codes)
    life.coins.take(chain, moment, found)


def _live_on(life: Life, second: int, sent: list[tuple[int, Kind]]) -> None:
    chain, before = life.chain, life.chain.fork()
    txs = [
        chain.free(who, body) if isinstance(body, FreeKind) else chain.tx(who, body)
        for who, body in sent
    ]
    evidence: tuple[Evidence, ...] = ()
    if 60 < second < LEAVING_AFTER and not life.bonds and life.chance.random() < 0.2:
        evidence = (chain.double_vote(31 + life.chance.randint(0, 2), chain.height - 1),)
        life.bonds = KIT.BOND + NAMES_OF_SEATS[evidence[0].validator]
    codes = chain.at(second, *txs, evidence=evidence)
    for code, (_, body) in zip(codes, sent, strict=True):
        life.took[f"{type(body).__name__} {code}"] += 1
    for raw, code in zip(chain.blocks[-1].txs, chain.outcome.codes, strict=True):
        body = open_body(decode_transaction(raw))
        if isinstance(body, Mint | MintFixup):
            life.minted += sum(entry.amount for entry in body.entries)
            life.took[f"{type(body).__name__} ok"] += 1
        if isinstance(body, Enact):
            life.enacted[f"{type(body.measure).__name__} {code}"] += 1
            life.took[f"Enact {code}"] += 1
    took = [one for one, code in zip(sent, codes, strict=True) if code == OK]
    _follow(life)
    _check_supply(life)
    marked = _marked(chain)
    _check_debts_and_locks(marked)
    _check_contracts(life, marked, took)
    _check_rights(before.state(), life, took)
    _rob(life, before, second, took)


NAMES_OF_SEATS = {validator_address(KIT.key(31 + n)): n for n in range(4)}
LEAVING_AFTER = 90
"""Seconds; before it no validator leaves."""
ROBBED_MAX = 3
"""How often in a life strangers try the same kind."""


def _rob(life: Life, before: "Chain", second: int, took: list[tuple[int, Kind]]) -> None:
    """What was granted to the entitled is refused to strangers, one after another, in one block: it
    changes nothing but their nonces and the fees that they pay for it.
    """
    tried = [
        (thief, body)
        for _, body in took
        if life.robbed[type(body).__name__] < ROBBED_MAX
        for thief in THIEVES
        if not MAY[type(body)](before.state(), body, KIT.key(thief))
    ]
    paid = [(thief, body) for thief, body in tried if not isinstance(body, FreeKind)]
    for thief, body in tried:
        life.robbed[type(body).__name__] += 1
        if isinstance(body, FreeKind):
            with pytest.raises(InvalidBlock, match="reports with another key"):
                check_txs(before, before.block(second, before.free(thief, body)))
    if not paid:
        return
    idle = before.fork()
    idle.at(second)
    codes = before.at(second, *[before.tx(thief, body) for thief, body in paid])
    assert OK not in codes, list(zip(paid, codes, strict=True))
    places = {*before.rows, *idle.rows}
    moved = {
        place
        for place in places
        if place[:1] == b"s" and before.rows.get(place) != idle.rows.get(place)
    }
    own = {tables.ACCOUNTS.stored_at(KIT.key(who)) for who in (*THIEVES, KIT.PROPOSER)}
    assert moved <= own
    for thief in THIEVES:
        tries = sum(1 for who, _ in paid if who == thief)
        had, has = (tables.ACCOUNTS.need(one.state(), KIT.key(thief)) for one in (idle, before))
        assert (has.nonce - had.nonce, had.balance - has.balance) == (tries, tries * KIT.FEE)


@cache
def _lived(seed: int) -> Life:
    """A whole random history; every law is looked at after every block."""
    chain = KIT.Chain(_text(seed))
    life = Life(chain, random.Random(seed))
    twin = CreateTwin(relay="r", public_key=b"")
    _live_on(life, 1, [(who, twin) for who in (*FARMERS, THIEVES[0])])
    last = LAST + (STILL[1] - STILL[0] if seed in STANDING else 0)
    while chain.second < last:
        second = min(
            chain.second + life.chance.choice((1, 1, 2, 3)),
            *[at for at in JOINS if at > chain.second],
            last,
        )
        if seed in STANDING and chain.second < STILL[0] <= second:
            second = STILL[1]
        if second in JOINS:
            who = JOINS[second]
            farm_id = FarmId(chain.totals().farms + 1)
            sent: list[tuple[int, Kind]] = [(who, CreateFarm(name=f"first_{who}"))]
            sent.append((who, _joined(life, who, farm_id)))
        else:
            sent = _told(life, second)
            sent += _said(life) if second > 17 else []
        _live_on(life, second, sent)
    return life


@pytest.mark.parametrize("seed", SEEDS)
def test_the_laws_hold_after_every_block_of_a_random_history(seed: int) -> None:
    assert _lived(seed).chain.second >= LAST


def test_the_histories_reach_every_kind_and_every_measure() -> None:
    """Otherwise the laws would hold of chains on which nothing happens."""
    lives = [_lived(seed) for seed in SEEDS]
    took = {name for life in lives for name in life.took if name.endswith(" ok")}
    enacted = {name for life in lives for name in life.enacted if name.endswith(" ok")}
    states = {batches_state for life in lives for batches_state in _states(life)}
    assert not {f"{kind.__name__} ok" for kind in KINDS.values()} - took
    assert len(enacted) > 9
    assert {PAID, VOID} <= states


def _states(life: Life) -> set[int]:
    return {batch.state for batch in life.batches()}
