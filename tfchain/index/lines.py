"""Lines of statements: what each report and each sleep did to a node's account, by the ledger's own rules."""

from dataclasses import asdict, replace

from tfchain.base.units import NodeId
from tfchain.chain.statement_lines import UPTIME_KINDS, Deed, lines_of, moved
from tfchain.errors import Divergence
from tfchain.index import own
from tfchain.index.sheet import Sheet
from tfchain.index.step import Step
from tfchain.ledger import tables
from tfchain.ledger.records import Uptime
from tfchain.ledger.state import State
from tfchain.ledger.uptime import ALWAYS_UP
from tfchain.tx.running import first_account


def take(sheet: Sheet, step: Step) -> None:
    """Keep a line for every deed of a block, and each period that it touched."""
    for node, deeds in _deeds(step).items():
        stored = tables.UPTIMES.get(step.after, tables.id_key(node))
        if stored is not None:  # else somebody reports for a node that there is not
            _follow(sheet, step, node, stored, deeds)


def _deeds(step: Step) -> dict[NodeId, list[Deed]]:
    found: dict[NodeId, list[Deed]] = {}
    for one in step.done:
        if isinstance(one.body, UPTIME_KINDS):
            deed = Deed(
                height=step.height,
                position=one.position,
                now=step.time,
                code=one.code,
                body=one.body,
            )
            found.setdefault(one.body.node_id, []).append(deed)
    return found


def _follow(sheet: Sheet, step: Step, node: NodeId, stored: Uptime, deeds: list[Deed]) -> None:
    """The deeds one after the other; what comes out must be what the ledger says."""
    row = tables.UPTIMES.get(step.before, tables.id_key(node))
    if row is None:  # it registered in this very block
        row = _registered(step.after, step, node, stored)
    known = tables.GAPS.get(step.after, tables.SINGLE)
    gaps = () if known is None else known.rows
    for deed in deeds:
        after = moved(row, step.params, deed, gaps)
        for start, line in lines_of(step.params, row, after, deed):
            sheet.put(own.LINES, node_id=node, start=start, **asdict(line))
        row = after
    if (row.running, row.ended, row.power) != (stored.running, stored.ended, stored.power):
        what = f"block {step.height}: the lines of node {node} do not add up to its account"
        raise Divergence(f"{what}; report this")


def _registered(state: State, step: Step, node: NodeId, stored: Uptime) -> Uptime:
    made = tables.NODES.need(state, tables.id_key(node))
    contract = tables.CONTRACTS.need(state, tables.id_key(node))
    first = first_account(step.params.schedule(contract.schedule), made.created)
    return replace(stored, power=ALWAYS_UP, running=first, ended=None)
