"""renew_contract: a node that missed its uptime three times registers anew, at today's price."""

from dataclasses import dataclass

from tfchain.base.units import NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.params import Params, RegimeRow
from tfchain.ledger.records import Contract
from tfchain.ledger.state import State
from tfchain.ledger.terms import Former, Progress
from tfchain.rules.schedule import REGIMES
from tfchain.tx.contracts import contract_of, own_terms
from tfchain.tx.kind import Context
from tfchain.tx.lookup import node_at, twin_of

MISSED = 3
"""Periods in a row (rules.md 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewContract:
    """Sent by the node's twin. Its regime and schedule stay; policy, price and offer are the day's.

    From the next period on (P5): the one that runs is settled under the old contract.
    """

    node_id: NodeId

    def apply(self, state: State, context: Context) -> None:
        """Refused with `no_twin`, `unknown_node`, `not_the_owner`, `void`, `not_due`.

        Where the policy of the day is missing, with `unknown_policy`.
        """
        twin = twin_of(state, context.sender)
        node = node_at(state, self.node_id)
        if node.twin_id != twin.id:
            raise Rejected("not_the_owner", f"node {node.id} is another twin's")
        key = tables.id_key(node.id)
        contract = tables.CONTRACTS.need(state, key)
        _check_due(contract, tables.PROGRESS.get(state, key))
        own = tables.OWN_TERMS.need(state, key)
        regime = _offered(context.params, contract, context.time)
        after = contract_of(state, context, node, regime)
        terms = own_terms(state, context, node, after, regime)
        former = Former(contract=contract, numbers=own.numbers)
        tables.FORMER.put(state, key, former)
        kept.put(state, tables.CONTRACTS, key, after)
        kept.put(state, tables.OWN_TERMS, key, terms)


def _check_due(contract: Contract, progress: Progress | None) -> None:
    """`void`: a contract of sixty months that was broken is not made again (seed 003)."""
    if not REGIMES[contract.regime].renewable:
        raise Rejected("void", f"under {REGIMES[contract.regime].name} nobody registers anew")
    if progress is None or progress.since != contract.registered or progress.missed < MISSED:
        raise Rejected("not_due", f"{MISSED} missed periods in a row come first")


def _offered(params: Params, contract: Contract, now: Seconds) -> RegimeRow:
    """The regime's newest offer on the node's own schedule, by whose periods its uptime is counted.

    The one that the node came under is still among them.
    """
    offers = [row for row in params.regimes if row.start <= now]
    same = contract.regime, contract.schedule
    return [row for row in offers if (row.regime, row.schedule) == same][-1]
