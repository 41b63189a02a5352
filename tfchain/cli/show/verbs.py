"""The verbs of `tfchain show`: arguments into questions."""

from typing import Annotated, Final

import typer

from tfchain.base.address import from_text
from tfchain.base.crypto import HASH_BYTES
from tfchain.base.units import U32_MAX, U64_MAX, FarmId, PeriodIndex, ScheduleId
from tfchain.cli.show import blocks, rows, votes
from tfchain.cli.show.asking import Question, verb
from tfchain.cli.show.own_terms import terms_fields
from tfchain.cli.show.rows import Place
from tfchain.cli.show.use import capacity_fields
from tfchain.ledger import tables
from tfchain.ledger.measures import NAMED
from tfchain.ledger.validators import VALIDATOR_ADDRESS_BYTES
from tfchain.node.answers import bytes_of
from tfchain.node.ledger_views import BATCHES_MAX, LAST

SCHEDULE_MAX: Final = 0xFF
BATCHES_SHOWN: Final = 20
_HEIGHT_CHARS_MAX: Final = 20

NumberArgument = Annotated[int, typer.Argument(min=1, max=U32_MAX, help="Its number.")]
AddressArgument = Annotated[str, typer.Argument(help="Its address.")]
BatchArgument = Annotated[str, typer.Argument(help="SCHEDULE/PERIOD, like 0/42.")]
HeightArgument = Annotated[str, typer.Argument(metavar="HEIGHT", help="A height, or last.")]


def account(address: AddressArgument) -> Question:
    """Show what an account has: free, locked and until when or on what, staked."""
    return rows.account_of(from_text(address))


def twin(number: NumberArgument) -> Question:
    """Show a twin: whose it is, and its relay."""
    return rows.row_of(tables.TWINS, tables.id_key(number), f"twin {number}")


def farm(number: NumberArgument) -> Question:
    """Show a farm."""
    return rows.row_of(tables.FARMS, tables.id_key(number), f"farm {number}")


def node(number: NumberArgument) -> Question:
    """Show a farmer's node."""
    return rows.row_of(tables.NODES, tables.id_key(number), f"node {number}")


def contract(number: NumberArgument) -> Question:
    """Show the terms that a node registered under: policy, price, units."""
    return rows.row_of(tables.CONTRACTS, tables.id_key(number), f"contract of node {number}")


def terms(number: NumberArgument) -> Question:
    """Show what a node's regime froze of its own: tokens a period, prices, units, uptime, size."""
    what = f"terms of node {number}"
    return rows.row_of(tables.OWN_TERMS, tables.id_key(number), what, terms_fields)


def progress(number: NumberArgument) -> Question:
    """Show how many periods a node missed, and was used in, in a row."""
    return rows.row_of(tables.PROGRESS, tables.id_key(number), f"progress of node {number}")


def capacity(number: NumberArgument) -> Question:
    """Show a user's contract for capacity: of which node, how much, how its bill stands."""
    what = f"contract {number} for capacity"
    return rows.row_of(tables.CAPACITY, tables.id_key(number), what, capacity_fields)


def load(number: NumberArgument) -> Question:
    """Show what users have of a node: how much is taken, and whether as a whole."""
    return rows.row_of(tables.LOADS, tables.id_key(number), f"contract on node {number}")


def totals() -> Question:
    """Show how much there is of everything: twins, farms, nodes, coins."""
    return rows.row_of(tables.TOTALS, tables.SINGLE, "totals")


def block(height: HeightArgument) -> Question:
    """Show a block: header, signatures, transactions and their codes."""
    return blocks.block_of(_height_of(height))


def tx(tx_id: Annotated[str, typer.Argument(metavar="ID", help="64 hex digits.")]) -> Question:
    """Show where a transaction is, and its code."""
    wanted = bytes_of(tx_id, "ID", HASH_BYTES)
    if len(wanted) != HASH_BYTES:
        raise typer.BadParameter(f"{2 * HASH_BYTES} hex digits are due", param_hint="ID")
    return blocks.tx_of(wanted)


def validators(height: HeightArgument = LAST) -> Question:
    """Show who may vote at a height with how much power, and who signed its block."""
    return blocks.validators_at(_height_of(height))


def validator(
    address: Annotated[str, typer.Argument(help="40 hex digits, as `show validators` has them.")],
) -> Question:
    """Show a validator's seat: power, bond, whether it is jailed, and what for."""
    wanted = bytes_of(address, "ADDRESS", VALIDATOR_ADDRESS_BYTES)
    if len(wanted) != VALIDATOR_ADDRESS_BYTES:
        digits = f"{2 * VALIDATOR_ADDRESS_BYTES} hex digits are due"
        raise typer.BadParameter(digits, param_hint="ADDRESS")
    return rows.row_of(tables.SEATS, wanted, f"validator {address}")


def agenda() -> Question:
    """Show which changes of validators, constants and rules are voted on."""
    return rows.row_of(tables.AGENDA, tables.SINGLE, "agenda")


def change(number: NumberArgument) -> Question:
    """Show a proposed change: what it does, who voted for it, and what became of it."""
    return rows.row_of(tables.CHANGES, tables.id_key(number), f"change {number}")


def batch(name: BatchArgument) -> Question:
    """Show a batch: its state, totals, root, and what its guardians said."""
    return rows.batch_of(_batch_of(name))


def period(
    name: Annotated[str, typer.Argument(help="SCHEDULE/PERIOD; left out: a list.")] = "",
    last: Annotated[
        int, typer.Option(min=1, max=BATCHES_MAX, help="How many of the newest the list shows.")
    ] = BATCHES_SHOWN,
) -> Question:
    """Show a period with its batch, or the newest ones of each schedule."""
    return rows.batch_of(_batch_of(name)) if name else rows.batches(last)


def receipt(name: BatchArgument, number: NumberArgument) -> Question:
    """Show a node's receipt in a batch."""
    return rows.of_node(tables.RECEIPTS.name, _batch_of(name), number)


def mint(name: BatchArgument, number: NumberArgument) -> Question:
    """Show the coins that a node was minted for a batch."""
    return rows.of_node(tables.MINTS.name, _batch_of(name), number)


def proposal(number: NumberArgument) -> Question:
    """Show a proposal, what became of it, and who voted what."""
    return votes.proposal_of(number)


def history(
    measure: Annotated[str, typer.Argument(help="Like set_price; left out: all.")] = "",
) -> Question:
    """Show what votes have brought into force, oldest first: prices, policies, all."""
    if measure and measure not in NAMED:
        raise typer.BadParameter(f"measures are {', '.join(NAMED)}", param_hint="MEASURE")
    return votes.history_of(measure)


def standing(number: NumberArgument) -> Question:
    """Show what the others say of a farm: certification, frauds, the policy attached to it."""
    return votes.standing_of(FarmId(number))


def policy(number: NumberArgument) -> Question:
    """Show a farming policy."""
    return rows.row_of(tables.POLICIES, tables.id_key(number), f"policy {number}")


QUESTIONS: Final = (
    account,
    twin,
    farm,
    node,
    contract,
    terms,
    progress,
    capacity,
    load,
    totals,
    block,
    tx,
    validators,
    validator,
    agenda,
    change,
    batch,
    period,
    receipt,
    mint,
    proposal,
    history,
    standing,
    policy,
)

app = typer.Typer(no_args_is_help=True, help="Show one thing on the chain; --proof checks it here.")
for one in QUESTIONS:
    app.command(one.__name__)(verb(one))


def _height_of(text: str) -> int | None:
    """A height; None for the last one."""
    if text == LAST:
        return None
    digits = text.isascii() and text.isdigit() and len(text) <= _HEIGHT_CHARS_MAX
    if digits and 0 < int(text) <= U64_MAX:
        return int(text)
    raise typer.BadParameter(f"a height is due, or {LAST}", param_hint="HEIGHT")


def _batch_of(name: str) -> Place:
    schedule, _, number = name.partition("/")
    if all(text.isascii() and text.isdigit() and len(text) <= 10 for text in (schedule, number)):
        place = ScheduleId(int(schedule)), PeriodIndex(int(number))
        if place[0] <= SCHEDULE_MAX and place[1] <= U32_MAX:
            return place
    raise typer.BadParameter("SCHEDULE/PERIOD is due, like 0/42", param_hint="BATCH")
