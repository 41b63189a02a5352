"""What guardians sign offline: a file each, and one file back that holds what all of them signed.

A file that holds commitments tells no root: whoever read it could copy the answer (P9). One that holds
attestations tells what all in it attest, and those who differ cannot be merged into it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tfchain.base.address import from_text, to_text
from tfchain.base.crypto import verify
from tfchain.base.limits import GUARDIANS_MAX, TX_BYTES_MAX
from tfchain.base.units import Address, PeriodIndex, ScheduleId
from tfchain.client.plain import bytes_of
from tfchain.errors import Malformed, Rejected
from tfchain.store.files import replace_file, told
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.registry import name_of, open_body
from tfchain.tx.transaction import Transaction, decode_transaction

FORMAT: Final = "tfchain guardian paper 1"
PAPER_BYTES_MAX: Final = GUARDIANS_MAX * (2 * TX_BYTES_MAX + 256)
OfGuardians = AttestMint | CommitMint | DisputeNodes
Terms = tuple[str, str, ScheduleId, PeriodIndex, tuple[str, int, int] | None]
"""Chain, kind, batch, and for attestations what is attested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Signed transactions of one kind about one batch, by guardian, in order of address."""

    name: str
    """Of its file, for people."""
    terms: Terms
    signed: tuple[tuple[Address, bytes], ...]


def paper_of(name: str, raw: bytes) -> Paper:
    """A paper of one signature. Raises `Malformed` for what no guardian signs, or nobody signed."""
    transaction = decode_transaction(raw)
    body = open_body(transaction)
    if not isinstance(body, AttestMint | CommitMint | DisputeNodes):
        raise Malformed(f"{name}: {name_of(transaction.envelope.kind)} is nothing a guardian signs")
    if not verify(*transaction.check()):
        raise Malformed(f"{name}: a signature is false")
    sender = transaction.envelope.sender
    return Paper(name=name, terms=_terms(transaction, body), signed=((sender, raw),))


def merged(papers: Sequence[Paper], name: str) -> Paper:
    """All signatures in one paper.

    Raises:
        Rejected: `differs`: they are not about the same, or attest different results, each named;
            `signed_twice`: a guardian signed two different things.
    """
    first = papers[0]
    for other in papers[1:]:
        if other.terms != first.terms:
            raise Rejected("differs", f"{_words(first)}; {_words(other)}")
    signed: dict[Address, bytes] = {}
    for paper in papers:
        for sender, raw in paper.signed:
            if signed.setdefault(sender, raw) != raw:
                raise Rejected("signed_twice", f"{to_text(sender)}, again in {paper.name}")
    if len(signed) > GUARDIANS_MAX:
        raise Rejected("too_many", f"{len(signed)} guardians")
    return replace(first, name=name, signed=tuple(sorted(signed.items())))


def save_paper(path: Path, paper: Paper) -> None:
    """Write it whole; raises `Unavailable` where the disk refuses."""
    chain_id, kind, schedule, period, attested = paper.terms
    plain = {
        "format": FORMAT,
        "chain_id": chain_id,
        "kind": kind,
        "schedule": schedule,
        "period": period,
        "attested": None
        if attested is None
        else {"root": attested[0], "total": str(attested[1]), "count": attested[2]},
        "signed": [{"guardian": to_text(who), "tx": raw.hex()} for who, raw in paper.signed],
    }
    with told("cannot write the paper", path):
        replace_file(path, json.dumps(plain, indent=1).encode() + b"\n")


def load_paper(path: Path) -> Paper:
    """Read it, believing nothing: signatures are verified, and what it says must be what they sign.

    Raises:
        Unavailable: the file cannot be read.
        Malformed: not such a paper, a false signature, or words that are not those signed.
    """
    with told("cannot read the paper", path), path.open("rb") as file:
        text = file.read(PAPER_BYTES_MAX + 1)
    if len(text) > PAPER_BYTES_MAX:
        raise Malformed(f"{path}: more than {PAPER_BYTES_MAX} bytes")
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{path}: this is no guardian's paper") from None
    rows = plain.get("signed") if isinstance(plain, dict) else None
    if not isinstance(rows, list) or not rows or plain.get("format") != FORMAT:
        raise Malformed(f"{path}: this is no guardian's paper")
    papers = [_row(path, row) for row in rows[: GUARDIANS_MAX + 1]]
    try:
        paper = merged(papers, str(path))
    except Rejected as refusal:
        raise Malformed(f"{path}: {refusal}") from refusal
    _check_words(path, plain, paper)
    return paper


def _row(path: Path, row: object) -> Paper:
    if not isinstance(row, dict) or not isinstance(row.get("guardian"), str):
        raise Malformed(f"{path}: a guardian and a transaction are due")
    paper = paper_of(str(path), bytes_of(row.get("tx")))
    if paper.signed[0][0] != from_text(row["guardian"]):
        raise Malformed(f"{path}: {row['guardian']} has not signed what stands beside it")
    return paper


def _check_words(path: Path, plain: dict[str, object], paper: Paper) -> None:
    """What people read in the file is what was signed."""
    said = plain.get("attested")
    attested = None
    if isinstance(said, dict):
        attested = said.get("root"), said.get("total"), said.get("count")
    names = ("chain_id", "kind", "schedule", "period")
    *words, due = paper.terms
    shown = None if due is None else (due[0], str(due[1]), due[2])
    if [plain.get(name) for name in names] != words or attested != shown:
        raise Malformed(f"{path}: its words are not what was signed")


def _terms(transaction: Transaction, body: OfGuardians) -> Terms:
    envelope = transaction.envelope
    attested = None
    if isinstance(body, AttestMint):
        attested = body.root.hex(), body.total, body.count
    return envelope.chain_id, name_of(envelope.kind), body.schedule, body.period, attested


def _words(paper: Paper) -> str:
    chain_id, kind, schedule, period, attested = paper.terms
    what = f"{paper.name}: {kind} for batch {schedule}/{period} of {chain_id}"
    if attested is None:
        return what
    return f"{what}: root {attested[0]}, {attested[1]} units, {attested[2]} receipts"
