"""The grid with billing on, a user (seed 3) with a twin, and a farm with three public addresses."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, FarmId, Height, MilliUsd, NodeId, PerMille, Seconds, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.cultivation import CapacityContract, Load
from tfchain.ledger.params import BillingRow, Params
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Context, FreeKind, Kind
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources

START = 1_700_000_000
HOUR = 3_600
TFT = 10_000_000
ROW = BillingRow(
    period=Seconds(HOUR),
    contracts=4,
    grace=Seconds(10 * HOUR),
    price_cu=100_000,
    price_su=50_000,
    price_nu=15_000,
    price_ip=40_000,
    rent_share=PerMille(500),
    price_min=MilliUsd(10),
    price_max=MilliUsd(1_000),
    line_rate=1_000_000,
    report_spacing=Seconds(60),
    foundation=Address(bytes([101]) * 32),
    tf_tech=Address(bytes([102]) * 32),
    staking=Address(bytes([103]) * 32),
)
PART = Resources(cru=2, mru=4 << 30, hru=0, sru=20 << 30)
"""A CU and a tenth of a SU: 105,000 USD units an hour, 2,100,000 units of TFT at 50 mUSD."""


@dataclass(frozen=True)
class World:
    """What users and farmers do, and what came of it; times are hours or seconds after the start."""

    state: State
    params: Params
    act: Callable[..., str]

    farmer = Address(public_key(bytes([1]) * 32))
    owner = Address(public_key(bytes([2]) * 32))
    user = Address(public_key(bytes([3]) * 32))
    reporter = Address(public_key(bytes([4]) * 32))
    row, part, hour = ROW, PART, HOUR

    def do(self, kind: Kind, who: Address, at: int = 0) -> str:
        return self.act(kind, who, START + at)

    def create(self, at: int = 0, *, ips: int = 0, name: int = 1, part: Resources = PART) -> str:
        kind = CreateContract(
            node_id=NodeId(1),
            reserved=part,
            public_ips=ips,
            deployment_hash=bytes([name]) * 32,
            deployment_data=b"",
        )
        return self.do(kind, self.user, at)

    def rent(self, who: Address | None = None, at: int = 0) -> str:
        return self.do(RentNode(node_id=NodeId(1)), who or self.user, at)

    def cancel(self, number: int, at: int, who: Address | None = None) -> str:
        return self.do(CancelContract(contract_id=number), who or self.user, at)

    def use(self, number: int, at: int, used: Resources = PART) -> str:
        told = (UsedResources(contract_id=number, used=used),)
        kind = UpdateUsedResources(node_id=NodeId(1), t=Seconds(START + at), contracts=told)
        return self.do(kind, self.reporter, at)

    def consume(self, number: int, at: int, window: int, traffic: int) -> str:
        told = (Consumed(contract_id=number, window=Seconds(window), traffic=traffic),)
        kind = ReportConsumption(node_id=NodeId(1), t=Seconds(START + at), contracts=told)
        return self.do(kind, self.reporter, at)

    def another(self, number: int, name: int = 9) -> UpdateContract:
        deployment = bytes([name]) * 32
        return UpdateContract(contract_id=number, deployment_hash=deployment, deployment_data=b"")

    def at(self, second: int) -> Seconds:
        return Seconds(START + second)

    def everybody(self) -> tuple[Address, ...]:
        people = (self.farmer, self.owner, self.user, self.reporter)
        return (*people, ROW.foundation, ROW.tf_tech, ROW.staking)

    def dedicate(self, fee: int = 0, *, dedicated: bool = True) -> str:
        kind = SetDedicated(node_id=NodeId(1), dedicated=dedicated, extra_fee=fee)
        return self.do(kind, self.farmer)

    def run(self, at: int) -> None:
        billing.run(self.state, self.params, Seconds(START + at))

    def hours(self, first: int, last: int) -> None:
        for hour in range(first, last + 1):
            self.run(hour * HOUR)

    def contract(self, number: int = 1) -> CapacityContract:
        return capacity.contract_at(self.state, number)

    def stands(self, number: int = 1) -> bool:
        return tables.CAPACITY.get(self.state, tables.id_key(number)) is not None

    def load(self) -> Load:
        return capacity.load_of(self.state, NodeId(1))

    def balance(self, who: Address) -> int:
        return account_of(self.state, who).balance

    def endow(self, who: Address, balance: int) -> None:
        """Set a balance past all rules; the supply follows."""
        before = account_of(self.state, who)
        tables.ACCOUNTS.put(self.state, who, replace(before, balance=Utft(balance)))

    def edit(self, **fields: object) -> None:
        node = tables.NODES.need(self.state, tables.id_key(1))
        tables.NODES.put(self.state, tables.id_key(1), replace(node, **fields))  # type: ignore[arg-type]

    def sleep(self, at: int, *, up: bool = False) -> None:
        key = tables.id_key(1)
        uptime = tables.UPTIMES.need(self.state, key)
        power = replace(uptime.power, state_up=up, down_at=Seconds(START + at))
        tables.UPTIMES.put(self.state, key, replace(uptime, power=power))

    def under(self, **fields: object) -> "World":
        """The same ledger under other terms of billing."""
        assert self.params.billing is not None
        return self._by(replace(self.params, billing=replace(self.params.billing, **fields)))  # type: ignore[arg-type]

    def without(self) -> "World":
        """The same ledger where nobody is billed."""
        return self._by(replace(self.params, billing=None))

    def _by(self, after: Params) -> "World":
        tables.PARAMS.put(self.state, tables.SINGLE, after)

        def act(kind: Kind, sender: Address, time: int) -> str:
            context = Context(
                height=Height(1), time=Seconds(time), params=after, sender=sender, nonce=0
            )
            branch = self.state.branch()
            try:
                if isinstance(kind, FreeKind):
                    kind.space(branch, context)
                kind.apply(branch, context)
            except Rejected as refusal:
                return refusal.code
            branch.keep()
            return "ok"

        return replace(self, params=after, act=act)


@pytest.fixture(scope="session")
def params(params: Params) -> Params:
    """With billing on, at 50 mUSD for a TFT."""
    return replace(params, billing=ROW, connection_price=MilliUsd(50))


@pytest.fixture
def world(grid: State, act: Callable[..., str], params: Params) -> World:
    world = World(grid, params, act)
    assert world.do(CreateTwin(relay="", public_key=b""), world.user, -8) == "ok"
    for last in (5, 6, 7):
        kind = AddFarmIp(farm_id=FarmId(1), ip=f"185.69.166.{last}/24", gateway="185.69.166.1")
        assert world.do(kind, world.farmer, -8) == "ok"
    return world
