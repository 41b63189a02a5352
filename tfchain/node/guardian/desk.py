"""A guardian's automatic desk: recompute every batch, commit, attest, name in a dispute what differs.

It reads the node's own store, never what is under way, and hands blocks to the second program in a
process of its own. One transaction of the desk is on its way at a time, so that its nonce is always
the ledger's; it is handed in again until a block has it. A guardian who wants to look first does not
run this desk.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from tfchain.base.shapes import decode_record
from tfchain.base.units import Height
from tfchain.chain.tip import Tip
from tfchain.client.keys import Key
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.minting import Receipt
from tfchain.ledger.state import State
from tfchain.node.guardian import columns_wire as wire
from tfchain.node.guardian import duty as rules
from tfchain.node.guardian.columns_parent import Program, second_program
from tfchain.node.guardian.duty import Case, Mine, Name, View
from tfchain.node.guardian.naming import Differing, differing, named
from tfchain.store.chain import TIP_KEY, ChainStore
from tfchain.tx.kind import Kind
from tfchain.tx.transaction import transaction_id

RESEND_BLOCKS: Final = 3
KEEP_BLOCKS: Final = 10_000
"""A checkpoint at least this often while old blocks are taken; otherwise one a batch."""
PAUSE_S: Final = 1
PAUSE_MAX_S: Final = 60
DIFFERING_MAX: Final = 10
"""Differing nodes that the log names; the ledger has room for more (P10)."""
RETRIED: Final = ("busy", "too_early")
"""Refusals that time alone heals."""
TAKEN: Final = ("ok", "known")
"""What the pool answers when it holds the transaction."""

Submit = Callable[[bytes], Awaitable[str]]
"""Hands a transaction to the own node; the code that its pool answers."""
WaitAbove = Callable[[Height], Awaitable[object]]
"""Returns once the store has a higher block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Whose desk, over which chain."""

    chain: ChainStore
    key: Key
    checkpoint: Path
    """File of the second program, in the node's home."""
    submit: Submit
    wait_above: WaitAbove
    log: Callable[[str], None]


@dataclass(slots=True)
class _Sent:
    """The transaction that is on its way."""

    name: Name
    what: str
    raw: bytes
    nonce: int
    valid_until: int
    handed_in: int


@dataclass(slots=True)
class _Memory:
    """What saves work; all of it can be lost."""

    settled: set[Name] = field(default_factory=set)
    results: dict[Name, Mine] = field(default_factory=dict)
    told: set[tuple[Name, str]] = field(default_factory=set)
    given_up: set[tuple[Name, str]] = field(default_factory=set)
    sent: _Sent | None = None


async def keep_desk(desk: Desk) -> None:
    """Until cancelled. A program that ends is started again, from its checkpoint."""
    pause = PAUSE_S
    while True:
        try:
            async with second_program(desk.checkpoint) as program:
                height = await _begin(desk, program)
                pause = PAUSE_S
                await _follow(desk, program, height)
        except (Unavailable, Malformed) as fault:
            desk.log(f"guardian: {fault}; again in {pause} s")
        await trio.sleep(pause)
        pause = min(2 * pause, PAUSE_MAX_S)


async def _begin(desk: Desk, program: Program) -> Height:
    genesis = desk.chain.genesis_text().encode()
    begin = wire.Begin(genesis=genesis, height_max=desk.chain.height())
    standing = await program.stand(begin)
    if standing.note:
        desk.log(f"guardian: {standing.note}")
    if standing.checkpoint:
        desk.log(f"guardian: from block {standing.height}, checkpoint {standing.checkpoint.hex()}")
    return standing.height


async def _follow(desk: Desk, program: Program, height: Height) -> None:
    memory = _Memory()
    while True:
        height = await _catch_up(desk, program, height)
        view = await trio.to_thread.run_sync(_look, desk, frozenset(memory.settled))
        if view.height == height:
            await _attend(desk, program, memory, view)
            await desk.wait_above(height)


def _look(desk: Desk, settled: frozenset[Name]) -> View:
    """One moment of the ledger; runs in a thread."""
    reader = desk.chain.store.snapshot()
    try:
        stored = reader.get(TIP_KEY)
        assert stored is not None, "a chain has a tip from its genesis on"
        return rules.view_of(State(reader), decode_record(Tip, stored), desk.key.address, settled)
    finally:
        reader.close()


# --- blocks ---------------------------------------------------------------------------------------


async def _catch_up(desk: Desk, program: Program, height: Height) -> Height:
    """Hand over every block there is; the last height."""
    goal = desk.chain.height()
    far = goal - height > KEEP_BLOCKS
    while height < goal:
        height = Height(height + 1)
        await program.stand(await trio.to_thread.run_sync(_block_at, desk.chain, height))
        if height % KEEP_BLOCKS == 0:
            await program.stand(wire.Keep())
            if far:
                desk.log(f"guardian: {height} of {goal} blocks taken")
    return height


def _block_at(chain: ChainStore, height: Height) -> wire.Take:
    """A stored block as the program takes it; runs in a thread."""
    block = chain.block(height)
    assert block is not None, "the store's height is that of its last block"
    return wire.Take(
        height=height, time=block.header.time, txs=block.txs, codes=chain.codes(height)
    )


# --- batches --------------------------------------------------------------------------------------


async def _attend(desk: Desk, program: Program, memory: _Memory, view: View) -> None:
    """Everything that this height asks for."""
    if memory.sent is not None and await _still_on_its_way(desk, memory, memory.sent, view):
        return
    for case in view.cases:
        if rules.is_settled(case, desk.key.address):
            await _settle(program, memory, case, view)
            continue
        if not rules.wants_result(case):
            continue
        mine = await _result(desk, program, memory, case, view)
        if mine is None:
            continue
        await _compare(desk, program, memory, case, mine)
        if rules.is_settled(case, desk.key.address, mine):
            await _settle(program, memory, case, view)
            continue
        body = await _due(desk, program, case, mine, view)
        if body is not None and (case.name, _word(body)) not in memory.given_up:
            await _send(desk, memory, view, case, body)
            return


async def _due(desk: Desk, program: Program, case: Case, mine: Mine, view: View) -> Kind | None:
    """The transaction that is due: in a dispute, after all else, what is otherwise here (P10)."""
    body = rules.duty(case, desk.key.address, mine, view.time)
    if body is None and rules.must_name(case, mine):
        return await named(desk.chain, program, case.batch, mine.count)
    return body


async def _result(
    desk: Desk, program: Program, memory: _Memory, case: Case, view: View
) -> Mine | None:
    """The program's answer for a batch, asked once; None where it has forgotten the period."""
    known = memory.results.get(case.name)
    if known is not None:
        return known
    batch, name = case.batch, case.name
    answer = await program.ask(wire.Compute(schedule=batch.schedule, period=batch.period))
    if not isinstance(answer, wire.Computed):
        reason = answer.reason if isinstance(answer, wire.Refused) else "no answer"
        desk.log(f"guardian: batch {name[0]}/{name[1]} stays as it is: {reason}")
        memory.settled.add(name)
        return None
    salt = rules.salt_of(desk.key, view.params.chain_id, name)
    mine = Mine(root=answer.root, total=answer.total, count=answer.count, salt=salt)
    kept = await program.stand(wire.Keep())
    desk.log(
        f"guardian: batch {name[0]}/{name[1]}: {mine.count} receipts, {mine.total} units,"
        f" proof of capacity {mine.root.hex()}; checkpoint {kept.checkpoint.hex()}"
    )
    memory.results[name] = mine
    return mine


async def _settle(program: Program, memory: _Memory, case: Case, view: View) -> None:
    """Nothing more to say: the program may forget, unless an older dispute needs what it knows."""
    memory.settled.add(case.name)
    memory.results.pop(case.name, None)
    older = [
        other
        for other in view.cases
        if other.batch.schedule == case.batch.schedule
        and other.batch.period < case.batch.period
        and other.name not in memory.settled
    ]
    if not older:
        await program.stand(wire.Forget(schedule=case.batch.schedule, period=case.batch.period))


async def _compare(desk: Desk, program: Program, memory: _Memory, case: Case, mine: Mine) -> None:
    """Say once and loudly where the ledger and the second program differ."""
    batch, name = case.batch, case.name
    if not batch.root or mine.equals(batch) or (name, "differs") in memory.told:
        return
    memory.told.add((name, "differs"))
    desk.log(
        f"guardian: DISAGREEMENT on batch {name[0]}/{name[1]}: the ledger has"
        f" {batch.root.hex()}, {batch.total} units, {batch.count} receipts; the second program"
        f" {mine.root.hex()}, {mine.total} units, {mine.count} receipts"
    )
    for row in await differing(desk.chain, program, batch, mine.count, DIFFERING_MAX):
        desk.log(f"guardian: DISAGREEMENT on batch {name[0]}/{name[1]}, {_line(row)}")


def _line(row: Differing) -> str:
    theirs, mine = _brief(row.theirs), _brief(row.mine)
    return f"node {row.node_id}: the ledger has {theirs}; ours is {mine}"


def _brief(receipt: Receipt | None) -> str:
    if receipt is None:
        return "none"
    return f"{receipt.uptime} s, {receipt.amount} units, violation {receipt.violation}"


# --- transactions ---------------------------------------------------------------------------------


def _word(body: Kind) -> str:
    return type(body).__name__


async def _send(desk: Desk, memory: _Memory, view: View, case: Case, body: Kind) -> None:
    envelope, raw = rules.signed(desk.key, view, body)
    memory.sent = _Sent(
        name=case.name,
        what=_word(body),
        raw=raw,
        nonce=envelope.nonce,
        valid_until=envelope.valid_until,
        handed_in=view.height,
    )
    await _hand_in(desk, memory.sent)


async def _hand_in(desk: Desk, sent: _Sent) -> None:
    code = await desk.submit(sent.raw)
    if code not in TAKEN:
        where = f"batch {sent.name[0]}/{sent.name[1]}"
        desk.log(f"guardian: {where}: {sent.what} is not taken yet: {code}")


async def _still_on_its_way(desk: Desk, memory: _Memory, sent: _Sent, view: View) -> bool:
    """Whether the transaction is neither in a block nor lost; handed in again now and then."""
    where = f"batch {sent.name[0]}/{sent.name[1]}"
    place = desk.chain.place(transaction_id(sent.raw))
    if place is not None and place.height > view.height:
        return True
    if place is not None:
        desk.log(f"guardian: {where}: {sent.what} in block {place.height}: {place.code}")
        if place.code not in ("ok", *RETRIED):
            memory.given_up.add((sent.name, sent.what))
        memory.sent = None
        return False
    if view.height >= sent.valid_until or view.nonce > sent.nonce:
        desk.log(f"guardian: {where}: {sent.what} was lost; it is made anew")
        memory.sent = None
        return False
    if view.height >= sent.handed_in + RESEND_BLOCKS:
        sent.handed_in = view.height
        await _hand_in(desk, sent)
    return True
