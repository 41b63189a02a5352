"""A chain's state, computed again from its genesis; and one block of it, step by step.

The same `execute` that every node runs. Signatures are not verified here: `tfchain audit` does that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from tfchain.base.shapes import encode_record
from tfchain.chain.execute import OK, Admitted, Input, Outcome, check_txs, execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Rejected
from tfchain.ledger.block import Block
from tfchain.ledger.state import Reader, State
from tfchain.store.layout import ARCHIVE, STATE
from tfchain.tx.halting import check_halt
from tfchain.tx.registry import NUMBERS, name_of

Change: TypeAlias = tuple[bytes, bytes | None, bytes | None]
"""Stored key, the row before and the row after; None where there is none."""


class Rebuilt:
    """The state after `tip`, in memory."""

    def __init__(self, genesis_text: str) -> None:
        genesis = read_genesis(genesis_text)
        outcome = genesis_outcome(genesis)
        self.rows: dict[bytes, bytes] = {}
        self.tip: Tip = genesis_tip(genesis, outcome)
        self._write(outcome)

    def get(self, key: bytes, /) -> bytes | None:
        """A row of the state."""
        return self.rows.get(key)

    def check(self, block: Block) -> Input:
        """What `execute` is given for the next block.

        Raises:
            InvalidBlock: its header is not what this state leads to; names the field.
        """
        check_header(self.tip, params_of(State(self)), block)
        return input_of(self.tip, block)

    def take(self, block: Block) -> Outcome:
        """Execute the next block. Raises `InvalidBlock`."""
        outcome = execute(self, self.check(block))
        self.tip = next_tip(self.tip, block, outcome)
        self._write(outcome)
        return outcome

    def _write(self, outcome: Outcome) -> None:
        for key, value in outcome.rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of a block's execution."""

    what: str
    code: str
    changes: tuple[Change, ...]


class _Over:
    """Rows on top of others."""

    def __init__(self, under: Reader, rows: Mapping[bytes, bytes | None]) -> None:
        self._under = under
        self._rows = rows

    def get(self, key: bytes, /) -> bytes | None:
        return self._rows[key] if key in self._rows else self._under.get(key)


def steps_of(reader: Reader, block: Input) -> Iterator[Step]:
    """A block's execution in its parts: what comes before the transactions, each of them, the rest.

    The parts come to what `execute` gives: what they leave open stands in the last one.

    Raises:
        InvalidBlock: as `execute`.
    """
    checked = check_txs(reader, block)
    rows = dict(execute(reader, block, replace(checked, admitted=())).rows)
    what = f"admission of {len(checked.admitted)}, batches, settling, {checked.mints} mints"
    yield Step(what=what, code=OK, changes=_differences(reader, rows))
    state = State(_Over(reader, rows))
    for place, one in enumerate(checked.admitted, start=checked.mints):
        kind = name_of(NUMBERS[type(one.body)])
        step = _step(f"transaction {place} {kind} {one.transaction.id.hex()[:16]}", state, one)
        rows.update((key, after) for key, _, after in step.changes)
        yield step
    whole = dict(execute(reader, block).rows)
    rest = {key: whole[key] if key in whole else reader.get(key) for key in {**rows, **whole}}
    yield Step(what="fees and sets", code=OK, changes=_differences(_Over(reader, rows), rest))


def _differences(reader: Reader, rows: Mapping[bytes, bytes | None]) -> tuple[Change, ...]:
    """What `rows` changes of the tables' rows; those of their trees follow from them."""
    keys = sorted(key for key in rows if key[:1] in {STATE, ARCHIVE})
    changes = ((key, reader.get(key), rows[key]) for key in keys)
    return tuple(change for change in changes if change[1] != change[2])


def _step(what: str, state: State, one: Admitted) -> Step:
    branch = state.branch()
    try:
        check_halt(branch, one.body)
        one.body.apply(branch, one.context)
    except Rejected as refusal:
        return Step(what=what, code=refusal.code, changes=())
    changes = tuple(_changes(state, branch))
    branch.keep()
    return Step(what=what, code=OK, changes=changes)


def _changes(state: State, branch: State) -> Iterator[Change]:
    for table, key, row in branch.changes():
        known = state.read(table, key)
        before = None if known is None else encode_record(known)
        if before != row:
            yield table.stored_at(key), before, row
