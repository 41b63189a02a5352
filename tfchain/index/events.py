"""Entities of what happened: reports, power, traffic, coins that came and coins that went."""

from tfchain.base.address import to_text
from tfchain.index.register import Register
from tfchain.index.step import Done, Step
from tfchain.ledger import tables
from tfchain.ledger.records import Totals
from tfchain.ledger.uptime import PowerState
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.report_consumption import ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget

BURNED_FOR_NOBODY = ""
"""A burn has no target here: bonds of validators, and what nobody gets of a bill."""


def take(register: Register, step: Step) -> None:
    """Note what a block's transactions did, and what was burned."""
    for one in step.done:
        if one.took_effect:
            _note(register, step, one)
    for moved in step.of(tables.TOTALS.tag):
        _note_burn(register, step, moved.before, moved.after)


def _note(register: Register, step: Step, one: Done) -> None:
    match one.body:
        case ReportUptime():
            _report(register, step, one.body)
        case SetPowerTarget() | SetPowerState():
            _power(register, step, one.body)
        case ReportConsumption():
            _traffic(register, one.body)
        case Mint() | MintFixup():
            _mint(register, step, one.body)
        case _:
            pass


def _report(register: Register, step: Step, body: ReportUptime) -> None:
    """The node is as old as its last report; the event keeps the time that the node signed."""
    register.note("UptimeEvent", node_id=body.node_id, uptime=body.uptime, timestamp=body.t)
    register.change("Node", body.node_id, uptime=body.uptime, updated_at=step.time)


def _power(register: Register, step: Step, body: SetPowerTarget | SetPowerState) -> None:
    """The first of them makes a node's power known; what was never told counts as up."""
    said = "Up" if body.up else "Down"
    node = tables.NODES.need(step.after, tables.id_key(body.node_id))
    about = {"farm_id": node.farm_id, "node_id": node.id}
    when = {"block": step.height, "timestamp": step.time}
    if isinstance(body, SetPowerTarget):
        register.note("PowerTargetReport", **about, new_power_target=said, **when)
    else:
        register.note("PowerStateReport", **about, new_power_state=said, **when)
    power = tables.UPTIMES.need(step.after, tables.id_key(node.id)).power
    register.change("Node", node.id, **power_of(power))


def power_of(power: PowerState) -> dict[str, str]:
    """A node's power as its entity shows it."""
    return {
        "power_state": "Up" if power.state_up else "Down",
        "power_target": "Up" if power.target_up else "Down",
    }


def _traffic(register: Register, body: ReportConsumption) -> None:
    for one in body.contracts:
        register.note(
            "NruConsumption",
            contract_id=one.contract_id,
            timestamp=body.t,
            window=one.window,
            nru=one.traffic,
        )


def _mint(register: Register, step: Step, body: Mint | MintFixup) -> None:
    for entry in body.entries:
        if entry.amount:
            target = to_text(entry.account)
            register.note("MintTransaction", amount=entry.amount, target=target, block=step.height)


def _note_burn(register: Register, step: Step, before: object, after: object) -> None:
    if not isinstance(before, Totals) or not isinstance(after, Totals):
        return
    burned = after.burned - before.burned
    if burned:
        register.note("BurnTransaction", block=step.height, amount=burned, target=BURNED_FOR_NOBODY)
