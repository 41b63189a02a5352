"""report_consumption: a node tells the traffic of its contracts. Free, spaced (P20, P25)."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import U32, U64, Many, Nested
from tfchain.base.units import NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger.cultivation import REPORTED_MAX, CapacityContract
from tfchain.ledger.params import BillingRow
from tfchain.ledger.state import State
from tfchain.rules.billing import added, network_cost
from tfchain.tx import capacity, consumption
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, node_at, reported_row


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumed:
    """One contract's public traffic in bytes, over the last `window` seconds."""

    contract_id: U32
    window: Seconds
    traffic: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportConsumption:
    """`t`: the node's clock when it signed, against replays. All of it counts, or nothing."""

    node_id: NodeId
    t: Seconds
    contracts: Annotated[tuple[Consumed, ...], Many(Nested(Consumed), REPORTED_MAX)]

    def space(self, state: State, context: Context) -> None:
        """Once in a while, by its reporter alone.

        Refused with `unknown_node`, `not_the_reporter`, `billing_off`, `report_time`,
        `too_soon`.
        """
        reported_row(state, self.node_id, context.sender)
        row = capacity.billing_of(context.params)
        load = capacity.load_of(state, self.node_id)
        capacity.check_spacing(context, row, self.t, load.consumed_t)
        capacity.put_load(state, self.node_id, replace(load, consumed_t=self.t))

    def apply(self, state: State, context: Context) -> None:
        """Bill the traffic, and count it with addresses and use for the node's pay.

        Refused with `disabled`, `unknown_contract`, `not_on_node`, `window`, `line_rate`.
        """
        check_enabled(state, self.node_id)
        row = capacity.billing_of(context.params)
        node = node_at(state, self.node_id)
        for one in self.contracts:
            contract = capacity.contract_on(state, one.contract_id, self.node_id)
            _check(row, contract, one, context.time)
            cost = network_cost(row, one.traffic, one.window)
            own = contract.own or capacity.is_own(state, node, contract.twin_id)
            after = replace(
                contract,
                consumed_at=context.time,
                own=own,
                unbilled=added(contract.unbilled, cost),
            )
            capacity.save(state, after)
            if not own:
                consumption.add(state, context, node, after, one.window, one.traffic)


def _check(row: BillingRow, contract: CapacityContract, one: Consumed, now: Seconds) -> None:
    """No more time than there was, no more bytes than a line carries in it."""
    since = now - contract.consumed_at
    if not 0 < one.window <= since:
        raise Rejected("window", f"{since} seconds since the last report, not {one.window}")
    if one.traffic > one.window * row.line_rate:
        raise Rejected("line_rate", f"{one.traffic} bytes in {one.window} seconds")
