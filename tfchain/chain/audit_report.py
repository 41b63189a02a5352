"""What an audit counts and reports."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from tfchain.chain.execute import Outcome
from tfchain.ledger import tables
from tfchain.ledger.disputes import FixupEntry
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.minting import SEALED, Batch
from tfchain.tx.changes import bond_held
from tfchain.tx.kinds.mint import Mint


class Rows(Protocol):
    """Where the audit keeps the state it recomputes."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None."""
        ...

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        """Write rows; None deletes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MintingBlock:
    """A block with a mint transaction (P43)."""

    height: int
    schedule: int
    period: int
    root: bytes
    nodes: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A piece of evidence, the block that holds it, and the bond that it burned (P24)."""

    block: int
    piece: Evidence
    burned: int


@dataclass(slots=True, kw_only=True)
class Report:
    """What an audit found. It only exists where everything held."""

    chain_id: str
    genesis_hash: bytes
    height: int = 0
    block_id: bytes = b""
    state_root: bytes = b""
    transactions: int = 0
    signatures: int = 0
    minting_blocks: list[MintingBlock] = field(default_factory=list)
    fixed: list[tuple[int, FixupEntry]] = field(default_factory=list)
    """What was minted for receipts that were put right, and in which block."""
    batches: list[Batch] = field(default_factory=list)
    second: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """The proof-of-capacity hash by the second program, for each sealed batch."""
    receipts_compared: int = 0
    supply_genesis: int = 0
    supply_held: int = 0
    """Sum of all balances, locked coins, deposits and bonds."""
    supply_minted: int = 0
    supply_burned: int = 0
    """Bonds of validators that signed two things at once (P24)."""
    faults: list[Found] = field(default_factory=list)
    """The evidence that blocks hold, in their order."""
    anchored: bool = False


def held_change(rows: Rows, outcome: Outcome) -> int:
    """By how much an outcome that is not written yet changes the sum of all that is held."""
    held = 0
    for key, after in outcome.rows:
        if key[0] == _TREE:
            break
        value_of = _HOLDERS.get(key[:_MARK_BYTES])
        if value_of is not None:
            held += value_of(after) - value_of(rows.get(key))
    return held


def _balance(stored: bytes | None) -> int:
    return 0 if stored is None else tables.ACCOUNTS.decode(stored).balance


def _deposit(stored: bytes | None) -> int:
    return 0 if stored is None else tables.NODES.decode(stored).deposit


def _bond(stored: bytes | None) -> int:
    return 0 if stored is None else tables.SEATS.decode(stored).bond


def _locked(stored: bytes | None) -> int:
    return 0 if stored is None else tables.HOLDINGS.decode(stored).locked


def _promised(stored: bytes | None) -> int:
    return 0 if stored is None else bond_held(tables.CHANGES.decode(stored))


_HOLDERS: Final[dict[bytes, Callable[[bytes | None], int]]] = {
    tables.ACCOUNTS.stored_at(b""): _balance,
    tables.NODES.stored_at(b""): _deposit,
    tables.SEATS.stored_at(b""): _bond,
    tables.CHANGES.stored_at(b""): _promised,
    tables.HOLDINGS.stored_at(b""): _locked,
}
"""Where coins are: the beginning of the rows' keys, and what a row holds."""
_MARK_BYTES: Final = 2
"""Of a row's key: what store it is of, and its table."""
_TREE: Final = ord("t")
"""Where the keys of the tree begin: nothing that an audit looks at comes after them."""


def newly_sealed(rows: Rows, outcome: Outcome) -> list[Batch]:
    """The batches that an outcome which is not written yet seals."""
    mark, found = tables.BATCHES.stored_at(b""), list[Batch]()
    for key, after in outcome.rows:
        if key[0] == _TREE:
            break
        if key[: len(mark)] == mark and _is_sealed(after) and not _is_sealed(rows.get(key)):
            assert after is not None
            found.append(tables.BATCHES.decode(after))
    return found


def _is_sealed(stored: bytes | None) -> bool:
    return stored is not None and tables.BATCHES.decode(stored).state >= SEALED


def minting_block(height: int, mint: Mint) -> MintingBlock:
    """One mint transaction as the report lists it."""
    return MintingBlock(
        height=height,
        schedule=mint.schedule,
        period=mint.period,
        root=mint.root,
        nodes=len(mint.entries),
        amount=sum(entry.amount for entry in mint.entries),
    )
