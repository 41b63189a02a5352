"""Blocks, who proposed, signed and missed them, and their transactions with whom they name."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Final, get_args, get_origin, get_type_hints

from tfchain.base.address import to_text
from tfchain.base.units import Address, Height, NodeId
from tfchain.chain.tip import Tip
from tfchain.index import own
from tfchain.index.mirrors import json_text
from tfchain.index.sheet import Sheet
from tfchain.index.step import Done, Step
from tfchain.ledger.block import Block
from tfchain.ledger.commit import FOR_BLOCK, Commit
from tfchain.ledger.evidence import twice_of
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.registry import name_of
from tfchain.tx.transaction import SYSTEM


def take(sheet: Sheet, step: Step) -> None:
    """Keep a block and its transactions."""
    if step.block is not None and step.tip is not None:
        _block(sheet, step, step.block)
        _faults(sheet, step.block)
        if step.block.last_commit is not None:
            _votes(sheet, step.tip, step.block.last_commit)
    for one in step.done:
        _transaction(sheet, step.height, one)


def _block(sheet: Sheet, step: Step, block: Block) -> None:
    sheet.put(
        own.BLOCKS,
        height=step.height,
        id=block.id.hex(),
        time_ms=step.time_ms,
        proposer=block.header.proposer.hex(),
        txs=len(block.txs),
        refused=sum(1 for one in step.done if not one.took_effect),
        fees=sum(one.transaction.envelope.fee for one in step.done),
        bytes=len(block.raw),
        minted=sum(_minted(one) for one in step.done),
        state_root=step.outcome.state_root.hex(),
        round=None,
        signed=None,
        missed=None,
    )


def _minted(one: Done) -> int:
    if not isinstance(one.body, Mint | MintFixup):
        return 0
    return sum(entry.amount for entry in one.body.entries)


def _votes(sheet: Sheet, tip: Tip, commit: Commit) -> None:
    """The commit of the block before: only now is it known who is in it."""
    missed = [
        member.address.hex()
        for member, slot in zip(tip.last_validators.validators, commit.slots, strict=True)
        if slot.flag != FOR_BLOCK
    ]
    for validator in missed:
        sheet.put(own.MISSED_VOTES, height=commit.height, validator=validator)
    if sheet.get(own.BLOCKS, commit.height) is None:
        return  # it stands below the snapshot that this began with
    signed = len(commit.slots) - len(missed)
    sheet.change(own.BLOCKS, commit.height, round=commit.round, signed=signed, missed=len(missed))


def _faults(sheet: Sheet, block: Block) -> None:
    for place, piece in enumerate(block.evidence):
        sheet.put(
            own.FAULTS,
            height=block.header.height,
            place=place,
            validator=piece.validator.hex(),
            twice=twice_of(piece),
            fault_height=piece.height,
            fault_round=piece.round,
        )


def _transaction(sheet: Sheet, height: Height, one: Done) -> None:
    envelope = one.transaction.envelope
    system = envelope.sender == SYSTEM
    sheet.put(
        own.TRANSACTIONS,
        height=height,
        position=one.position,
        id=one.transaction.id.hex(),
        kind=name_of(envelope.kind),
        sender=None if system else to_text(envelope.sender),
        nonce=envelope.nonce,
        fee=envelope.fee,
        valid_until=envelope.valid_until,
        code=one.code,
        bytes=one.transaction.size,
        body=json_text(one.body),
    )
    accounts, nodes = named_in(one.body)
    if not system:
        accounts.add(envelope.sender)
    for account in sorted(accounts):
        sheet.put(own.ACCOUNT_TXS, account=to_text(account), height=height, position=one.position)
    for node in sorted(nodes):
        sheet.put(own.NODE_TXS, node_id=node, height=height, position=one.position)


def named_in(body: object) -> tuple[set[Address], set[NodeId]]:
    """The accounts and the nodes that a transaction's fields name, whichever kind it is."""
    accounts, nodes = set[Address](), set[NodeId]()
    for hint, value in _leaves(body):
        if hint is Address:
            assert isinstance(value, bytes)
            accounts.add(Address(value))
        elif hint is NodeId:
            assert isinstance(value, int)
            nodes.add(NodeId(value))
    return accounts, nodes


def _leaves(record: object) -> Iterator[tuple[object, object]]:
    """Each single value in a record, behind what it is annotated as."""
    for name, hint in _hints(type(record)):
        value = getattr(record, name)
        if is_dataclass(value):
            yield from _leaves(value)
        elif isinstance(value, tuple):
            inner = get_args(hint)[0] if get_origin(hint) is tuple else hint
            for item in value:
                if is_dataclass(item):
                    yield from _leaves(item)
                else:
                    yield inner, item
        else:
            yield hint, value


_HINTS: Final[dict[type, tuple[tuple[str, object], ...]]] = {}


def _hints(cls: type) -> tuple[tuple[str, object], ...]:
    """Names and annotations of a record's fields, shapes stripped; read once."""
    known = _HINTS.get(cls)
    if known is None:
        hints = get_type_hints(cls)
        known = _HINTS[cls] = tuple((field.name, hints[field.name]) for field in fields(cls))
    return known
