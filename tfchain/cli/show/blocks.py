"""Blocks, their transactions and their validators: as a node tells them, or from bytes checked here."""

from dataclasses import dataclass

from tfchain.cli.show.asking import Plain, Question, Session, Shown, there
from tfchain.cli.show.checking import line
from tfchain.cli.show.tables import block_table, validators_table
from tfchain.cli.status import rows
from tfchain.client.anchors import set_of
from tfchain.client.chain import Chain
from tfchain.client.proofs import SignedBlock, check_signed
from tfchain.client.stream import raw_block
from tfchain.errors import InvalidBlock, Rejected
from tfchain.ledger.block import Block, decode_block, results_root
from tfchain.node.ledger_answers import block_fields, members
from tfchain.tx.transaction import transaction_id

UNPROVEN = "not proven yet"
"""The code of a transaction before the next block: that one's header has the root over the codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proven:
    block: Block
    signed: SignedBlock
    codes: tuple[str, ...]
    evidence: Plain

    @property
    def what(self) -> str:
        """What of it is proven."""
        known = self.evidence["next"] is not None
        return "transactions and their codes" if known else "transactions"


def block_of(height: int | None) -> Question:
    """A block; without a height the last one."""

    async def ask(session: Session) -> Shown:
        plain = there(await session.client.block(height), f"block {height}")
        if session.chain is None:
            return Shown(plain=plain, table=block_table(plain))
        found = await _proven(session.chain, plain)
        fields: Plain = {**block_fields(found.block, found.codes)}
        return Shown(
            plain=fields,
            table=block_table(fields),
            proof=found.evidence,
            checked=line(found.what, found.signed, session.chain.anchor),
        )

    return ask


def tx_of(tx_id: bytes) -> Question:
    """Where a transaction is, and its code."""

    async def ask(session: Session) -> Shown:
        found = await session.client.tx(tx_id)
        names = ("status", "height", "position", "code")
        plain: Plain = {"id": tx_id.hex(), **{name: getattr(found, name) for name in names}}
        if session.chain is None:
            return Shown(plain=plain)
        if found.height is None or found.position is None:
            raise Rejected("not_found", f"transaction {tx_id.hex()} is in no block")
        whole = there(await session.client.block(found.height), f"block {found.height}")
        proven = await _proven(session.chain, whole)
        plain["code"] = _code_of(proven, tx_id, found.position)
        checked = line(f"transaction {found.position}", proven.signed, session.chain.anchor)
        return Shown(plain=plain, proof=proven.evidence, checked=checked)

    return ask


def _code_of(proven: _Proven, tx_id: bytes, position: int) -> str:
    txs = proven.block.txs
    if not 0 <= position < len(txs) or transaction_id(txs[position]) != tx_id:
        height = proven.block.header.height
        raise InvalidBlock(f"transaction {tx_id.hex()}: it is not where the node says, in {height}")
    return proven.codes[position]


async def _proven(chain: Chain, plain: Plain) -> _Proven:
    """The block's own bytes under the header that was signed; raises `InvalidBlock`."""
    signed = check_signed(chain.anchor, plain.get("signed"))
    height = signed.header.height
    if plain.get("height") != height:
        raise InvalidBlock(f"block {plain.get('height')}: the node shows the header of {height}")
    raw = await raw_block(chain.client, height)
    block = None if raw is None else decode_block(raw)
    if block is None or block.id != signed.id:
        raise InvalidBlock(f"block {height}: its bytes are not what was signed")
    codes, after = await _codes(chain, plain, block)
    evidence: Plain = {"signed": plain.get("signed"), "block": block.raw.hex(), "next": after}
    return _Proven(block=block, signed=signed, codes=codes, evidence=evidence)


async def _codes(chain: Chain, plain: Plain, block: Block) -> tuple[tuple[str, ...], object]:
    """The codes by the results root of the next block, and what shows that one."""
    told = tuple(str(row.get("code")) for row in rows(plain, "txs"))
    height = block.header.height + 1
    after = await chain.client.block(height)
    if after is None:
        return (UNPROVEN,) * len(block.txs), None
    header = check_signed(chain.anchor, after.get("signed")).header
    if (header.height, header.last_block_id) != (height, block.id):
        raise InvalidBlock(f"block {height}: it does not stand on the one before")
    if len(told) != len(block.txs) or header.results_root != results_root(told):
        raise InvalidBlock(f"block {height - 1}: its codes are not those that were signed")
    return told, after.get("signed")


def validators_at(height: int | None) -> Question:
    """The validators of a height; without one of the last block."""

    async def ask(session: Session) -> Shown:
        found = await session.client.validators(height)
        plain = there(found, f"block {height} with validators that this node knows")
        title = f"validators of block {plain.get('height')}"
        if session.chain is None:
            return Shown(plain=plain, table=validators_table(rows(plain, "validators"), title))
        signed = check_signed(session.chain.anchor, plain.get("signed"))
        fields = _proven_members(plain, signed)
        checked = line("validators", signed, session.chain.anchor)
        table = validators_table(rows(fields, "validators"), title)
        return Shown(plain=fields, table=table, proof=plain.get("signed"), checked=checked)

    return ask


def _proven_members(plain: Plain, signed: SignedBlock) -> Plain:
    """What the header has the hash of: keys and powers, and the votes of its commit."""
    height, known = signed.header.height, set_of(plain)
    if plain.get("height") != height or known.hash() != signed.header.validators_hash:
        raise InvalidBlock(f"validators of block {height}: the header names others")
    told = members(known, signed.commit)
    names = ("address", "key", "power", "vote")
    return {
        "chain_id": signed.header.chain_id,
        "height": height,
        "total_power": str(signed.total),
        "validators": [{name: row[name] for name in names} for row in told],
    }
