"""What the public chain's nodes came to be in a period, and what was used of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tfchain.base.units import U64_MAX
from tfchain.chain.grid_events import (
    ContractMade,
    Event,
    GridContract,
    GridNode,
    NodeSaid,
    TrafficSaid,
    UseSaid,
)


@dataclass(slots=True)
class Use:
    """Sums over a node's contracts: resources and public IPs times seconds, and bytes sent."""

    cru: int = 0
    mru: int = 0
    hru: int = 0
    sru: int = 0
    ip_seconds: int = 0
    traffic: int = 0

    def add(self, contract: GridContract, told: TrafficSaid) -> None:
        """A window of a contract."""
        used, window = contract.used, told.window
        self.cru += used.cru * window
        self.mru += used.mru * window
        self.hru += used.hru * window
        self.sru += used.sru * window
        self.ip_seconds += contract.ips * window
        self.traffic = min(self.traffic + told.traffic, U64_MAX)

    def mean(self, length: int) -> tuple[int, int, int, int]:
        """Cores, memory, disk and flash in use, over a period of so many seconds."""
        return self.cru // length, self.mru // length, self.hru // length, self.sru // length


@dataclass(slots=True)
class Ledger:
    """The nodes as they are now, and their contracts."""

    start: int
    nodes: dict[int, GridNode]
    contracts: dict[int, GridContract]
    uses: dict[int, Use]
    told: dict[int, int]
    """When each contract's traffic was last told."""

    def take(self, events: Iterable[Event]) -> None:
        """Events of a period, in order; those of uptime are no business of this."""
        for event in events:
            match event:
                case NodeSaid(node=node):
                    known = self.nodes.get(node.id)
                    virtualized = node.virtualized or (known is not None and known.virtualized)
                    self.nodes[node.id] = replace(node, virtualized=virtualized)
                case ContractMade(contract=GridContract() as contract):
                    self.contracts[contract.id] = contract
                case UseSaid(contract_id=number, used=used) if number in self.contracts:
                    self.contracts[number] = replace(self.contracts[number], used=used)
                case TrafficSaid():
                    self._traffic(event)
                case _:
                    pass  # of uptime, or of a contract that is nobody's here

    def _traffic(self, told: TrafficSaid) -> None:
        """Only newer than the last, and none from before the period."""
        number = told.contract_id
        if number in self.contracts and told.t >= self.start and told.t > self.told.get(number, -1):
            self.told[number] = told.t
            contract = self.contracts[number]
            self.uses.setdefault(contract.node_id, Use()).add(contract, told)
