"""Every coin beside the second program's: whoever a mint pays, and what is locked and promised (P36, P43).

Receipts are compared where a batch seals (`audit_second`). From there on the second program counts
again what each node gets, and in every block the ledger must stand as that count does.
"""

from collections.abc import Sequence

from tfchain.base.units import Utft
from tfchain.chain.audit_second import Sealed
from tfchain.chain.columns.paying import Block, Pay, Paying
from tfchain.chain.columns.paying_kept import encode_coins, restore_coins
from tfchain.chain.execute import params_of
from tfchain.chain.genesis import Genesis
from tfchain.errors import Divergence
from tfchain.ledger import tables
from tfchain.ledger.minting import Batch
from tfchain.ledger.state import Memory, Reader, State


class SecondCoins:
    """The second program's mints beside an audit, fed with every block once it is executed."""

    def __init__(self, genesis: Genesis) -> None:
        self._paying = Paying(genesis.params, genesis.supply(), genesis.guardians)
        self._cap = genesis.params.supply_cap
        self._constants: bytes | None = None
        self._memory = Memory()

    @classmethod
    def resume(cls, genesis: Genesis, rows: Reader, kept: bytes) -> "SecondCoins":
        """The count after the block at which `kept` was told; raises `Malformed`."""
        coins = cls(genesis)
        restore_coins(coins._paying, kept)
        coins._cap = coins._cap_of(rows, State(rows))
        return coins

    def kept(self) -> bytes:
        """All that it remembers between two blocks."""
        return encode_coins(self._paying)

    def take(self, rows: Reader, block: Block, sealed: Sequence[Sealed]) -> None:
        """The block that was just executed, with its rows written; raises `Divergence`, `Malformed`."""
        self._paying.take(block, self._cap, sealed)
        state = State(rows, memory=self._memory)
        self._compare_sums(state, block.height)
        for schedule, period, _ in sealed:
            self._compare_promise(state, self._paying.pays[schedule, period])
        for pay in self._paying.paid.values():
            _compare_mints(_batch_of(state, pay), pay)
        self._compare_locks(state)
        self._cap = self._cap_of(rows, state)

    def _cap_of(self, rows: Reader, state: State) -> Utft:
        """What the next block is held to; constants are read only where they changed."""
        stored = rows.get(tables.PARAMS.stored_at(tables.SINGLE))
        if stored != self._constants:
            self._constants, self._cap = stored, params_of(state).supply_cap
        return self._cap

    def _compare_sums(self, state: State, height: int) -> None:
        totals, coins = tables.TOTALS.need(state, tables.SINGLE), self._paying.coins
        if (totals.minted_ever, totals.reserved) != (coins.minted, coins.promised):
            raise Divergence(
                f"block {height}: the ledger has minted {totals.minted_ever} and promised"
                f" {totals.reserved}, the second program {coins.minted} and {coins.promised}"
            )

    def _compare_promise(self, state: State, pay: Pay) -> None:
        batch, payable = _batch_of(state, pay), pay.promise.payable
        if (batch.payable, batch.guardians) != (payable, tuple(sorted(pay.guardians))):
            raise Divergence(
                f"{pay.where}: of its coins the ledger has {batch.payable} to pay, by"
                f" {len(batch.guardians)} guardians; the second program {payable}, by"
                f" {len(pay.guardians)}"
            )

    def _compare_locks(self, state: State) -> None:
        for node_id, mine in self._paying.held():
            row = tables.LOCKS.get(state, tables.id_key(node_id))
            held = () if row is None else tuple((one.account, one.amount) for one in row.held)
            if held != mine:
                raise Divergence(
                    f"node {node_id}: the ledger has {sum(amount for _, amount in held)} locked,"
                    f" the second program {sum(amount for _, amount in mine)}, for others"
                )


def _batch_of(state: State, pay: Pay) -> Batch:
    name = tables.batch_key(pay.promise.schedule, pay.promise.period)
    return tables.BATCHES.need(state, name)


def _compare_mints(batch: Batch, pay: Pay) -> None:
    """The records of what was minted, under one root once all are there (P17)."""
    if (batch.minted, batch.mints_root) != (pay.minted, pay.root or b""):
        raise Divergence(
            f"{pay.where}: the ledger's mint records come to {batch.minted}, root"
            f" {batch.mints_root.hex()}; the second program's to {pay.minted},"
            f" root {(pay.root or b'').hex()}"
        )
