"""A node of a story: it tells how long it was up, when it sleeps, and what users take of it."""

from typing import Final

from tfchain.base.units import NodeId, Seconds
from tfchain.ledger import tables
from tfchain.ledger.cultivation import CapacityContract
from tfchain.ledger.state import State
from tfchain.sim.fold import Fold
from tfchain.sim.history.genesis import REPORT_S
from tfchain.sim.history.leasing import contract_of
from tfchain.sim.history.story import DAY, Farmer, Lease
from tfchain.sim.history.wallet import Wallet, worded
from tfchain.sim.history.wishes import find_node
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.report_consumption import Consumed, ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources, UsedResources

YEAR: Final = 365 * DAY
LATE_S: Final = 9 * 3_600
"""How long a report is handed in again: no block takes one that is older than its window."""
BOOT_S: Final = 60
"""How long it has been up when it first says so."""


class Reporter:
    """Up since its node joined, but for the days that it is off or sleeps."""

    def __init__(self, farmer: Farmer, leases: tuple[Lease, ...], wallet: Wallet) -> None:
        self.farmer, self.wallet = farmer, wallet
        self._leases = [lease for lease in leases if lease.node == farmer.name]
        self._booted: int | None = None
        self._told: dict[type[Kind], tuple[Seconds, bytes]] = {}
        """By kind: when it was last said, and what."""

    def next(self, fold: Fold, now: Seconds) -> list[bytes]:
        """What it says now, and what it said and no block may have yet."""
        state = fold.state()
        node = find_node(state, self.farmer.name)
        if node is None or now >= self.farmer.ends:
            return []
        if any(start <= now < start + days * DAY for start, days in self.farmer.off):
            self._booted = None
            return []
        for said in self._due(state, node, now):
            self._told[type(said)] = now, worded(fold, self.wallet, said, 0)
        return [raw for when, raw in self._told.values() if now - when <= LATE_S]

    def _due(self, state: State, node: NodeId, now: Seconds) -> list[Kind]:
        power = tables.UPTIMES.need(state, tables.id_key(node)).power
        if not power.target_up:
            self._booted = None
            return self._moves(node, now, up=False) if power.state_up else []
        due = [] if power.state_up else self._moves(node, now, up=True)
        if self._booted is None:
            self._booted = now - BOOT_S
            self._told.pop(ReportUptime, None)
        if self._is_time(ReportUptime, now, REPORT_S):
            due.append(self._up(node, now))
        return [*due, *self._used(state, node, now)]

    def _is_time(self, kind: type[Kind], now: Seconds, every: int) -> bool:
        return kind not in self._told or now - self._told[kind][0] >= every

    def _moves(self, node: NodeId, now: Seconds, *, up: bool) -> list[Kind]:
        """It says so until a block has it."""
        if not self._is_time(SetPowerState, now, LATE_S + 1):
            return []
        return [SetPowerState(node_id=node, t=now, up=up)]

    def _up(self, node: NodeId, now: Seconds) -> ReportUptime:
        assert self._booted is not None, "it reports while it is up"
        up = now - self._booted
        if any(lie <= now < lie + REPORT_S for lie in self.farmer.lies):
            up += YEAR
        return ReportUptime(node_id=node, t=now, uptime=up)

    def _used(self, state: State, node: NodeId, now: Seconds) -> list[Kind]:
        """What of each contract is in use, once; then for how long, and its traffic."""
        found = [(lease, contract_of(state, lease)) for lease in self._leases]
        taken = [(lease, contract) for lease, contract in found if contract is not None]
        said = list[Kind]()
        fresh = [(lease, contract) for lease, contract in taken if contract.used != lease.size]
        if fresh and self._is_time(UpdateUsedResources, now, REPORT_S):
            used = tuple(
                UsedResources(contract_id=contract.id, used=lease.size) for lease, contract in fresh
            )
            said.append(UpdateUsedResources(node_id=node, t=now, contracts=used))
        if taken and self._is_time(ReportConsumption, now, REPORT_S):
            rows = tuple(_consumed(lease, contract, now) for lease, contract in taken)
            due = tuple(row for row in rows if row.window > 0)
            said += [ReportConsumption(node_id=node, t=now, contracts=due)] if due else []
        return said


def _consumed(lease: Lease, contract: CapacityContract, now: Seconds) -> Consumed:
    """Since the last report that a block has."""
    window = Seconds(max(0, now - contract.consumed_at))
    return Consumed(contract_id=contract.id, window=window, traffic=window * lease.traffic)
