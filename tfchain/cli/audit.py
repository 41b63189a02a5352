"""`tfchain audit`: everything again from genesis, from a file, a stream or a running node."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
from rich.console import Console
from rich.progress import Progress

from tfchain.base.units import UTFT_PER_TFT
from tfchain.chain.audit import Auditor
from tfchain.chain.audit_report import Report, Rows
from tfchain.chain.genesis import genesis_hash, read_genesis
from tfchain.cli.audit_resting import Resting
from tfchain.cli.report.folder import check_place
from tfchain.cli.report.write import write_report
from tfchain.cli.verifier import Verifier
from tfchain.errors import InvalidBlock, TfchainError, Unavailable
from tfchain.ledger.evidence import twice_of
from tfchain.ledger.minting import STATES
from tfchain.store.audited import AuditedRows, open_audited
from tfchain.store.export import read_records

_TOLD_EVERY: Final = 16
"""Blocks between two words on how far it is: telling takes as long as a short block."""


class DictRows:
    """The recomputed state in memory."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes | None] = {}
        self.get: Callable[[bytes], bytes | None] = self._rows.get
        """The dictionary's own: it is asked a hundred times a block."""

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        changes = dict(rows)
        self._rows.update(changes)
        for key in [key for key, value in changes.items() if value is None]:
            del self._rows[key]

    def __deepcopy__(self, _memo: object) -> "DictRows":
        """A copy that reads its own rows: a bound method of the first one would not be copied."""
        twin = DictRows()
        twin.write(self._rows.items())
        return twin


def audit(
    source: Annotated[str, typer.Argument(help="An export: a file, or - for a stream.")],
    trust: Annotated[
        str, typer.Option(help="HEIGHT:HASH of a block that you trust, to anchor the history.")
    ] = "",
    genesis: Annotated[
        Path | None, typer.Option(help="The genesis file that the chain must have.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as one JSON object.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Rest here every some thousand blocks, and go on from here."
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Also write tables and a page with charts."),
    ] = None,
) -> None:
    """Recompute a chain from its genesis: signatures, commits, roots, receipts, mints.

    Ends with 1 and names the place if anything differs.

    With `--state` it may be stopped at any moment: the next call goes on from there.
    """
    anchor = _anchor(trust)
    if to is not None:
        check_place(to)
    with (
        _opened(source) as file,
        _rows(state) as rows,
        Progress(
            console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True
        ) as progress,
    ):
        try:
            report = audit_file(file, anchor, genesis, progress, rows)
        except Unavailable:
            raise
        except TfchainError as fault:
            typer.echo(f"audit: FAILED: {fault}", err=True)
            raise typer.Exit(1) from fault
        if to is not None:
            task = progress.add_task("writing the report", total=report.receipts_compared)
            trusted = None if anchor is None else anchor[0]
            write_report(to, report, rows, trusted, lambda more: progress.advance(task, more))
    typer.echo(json.dumps(_plain(report)) if as_json else "\n".join(lines_of(report)))


def audit_file(
    file: BinaryIO,
    anchor: tuple[int, bytes] | None,
    genesis: Path | None,
    progress: Progress,
    rows: Rows | None = None,
) -> Report:
    """Audit an open export. Raises the auditor's errors, whose text names the place.

    `rows`: where the recomputed state is kept, for a caller who wants to read it afterwards.
    """
    task = progress.add_task("auditing", total=_size(file))
    with Verifier() as verifier:
        auditor, steps = _begun(DictRows() if rows is None else rows, file, verifier, anchor)
        if auditor.height:
            progress.console.print(f"audit: goes on after block {auditor.height}")
        for number, offset in enumerate(steps):
            if number == 0:
                progress.reset(task, completed=offset)  # speed is judged from here on
            if auditor.height % _TOLD_EVERY == 0:
                words = f"auditing, block {auditor.height:,}"
                progress.update(task, completed=offset, description=words)
    report = auditor.finish()
    if genesis is not None:
        _check_genesis(genesis, report)
    return report


def _begun(
    rows: Rows, file: BinaryIO, verifier: Verifier, anchor: tuple[int, bytes] | None
) -> tuple[Auditor, Iterator[int]]:
    """The audit where it begins, or goes on, and its steps: each takes a record, and tells its place."""
    if isinstance(rows, AuditedRows):
        resting = Resting(rows, file, verifier.verify_all, anchor)
        return resting.auditor, resting.steps()
    auditor = Auditor(rows, verifier.verify_all, anchor)
    return auditor, _steps(auditor, file)


def _steps(auditor: Auditor, file: BinaryIO) -> Iterator[int]:
    for offset, kind, payload in read_records(file):
        auditor.take(kind, payload)
        yield offset


@contextmanager
def _rows(state: Path | None) -> Iterator[Rows]:
    """Where the recomputed state is kept: in memory, or in a folder that outlives this audit."""
    if state is None:
        yield DictRows()
        return
    rows = open_audited(state)
    try:
        yield rows
    finally:
        rows.close()


def _check_genesis(path: Path, report: Report) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise Unavailable("cannot read the genesis", str(path), "give a readable file") from fault
    if genesis_hash(read_genesis(text)) != report.genesis_hash:
        raise InvalidBlock(
            f"genesis: the export is of {report.chain_id}, not of {path.name}'s chain"
        )


def _anchor(trust: str) -> tuple[int, bytes] | None:
    if not trust:
        return None
    height, _, text = trust.partition(":")
    try:
        block_id = bytes.fromhex(text)
        if height.isascii() and height.isdigit() and len(block_id) == 32:
            return int(height), block_id
    except ValueError:
        pass
    raise typer.BadParameter("HEIGHT:HASH with 64 hex digits is due", param_hint="--trust")


def _opened(source: str) -> BinaryIO:
    if source == "-":
        return sys.stdin.buffer
    try:
        return Path(source).open("rb")
    except OSError as fault:
        raise Unavailable("cannot read the export", source, "give an exported chain") from fault


def _size(file: BinaryIO) -> int | None:
    return os.fstat(file.fileno()).st_size or None


def lines_of(report: Report) -> Iterator[str]:
    """The report as people read it."""
    yield f"chain       {report.chain_id}"
    yield f"genesis     {report.genesis_hash.hex()}"
    yield f"blocks      {report.height}, the last one is {report.block_id.hex()}"
    yield (
        f"checked     {report.transactions} transactions, {report.signatures} signatures,"
        f" {report.receipts_compared} receipts"
    )
    for batch in report.batches:
        root = batch.root.hex() or "-"
        second = report.second.get((batch.schedule, batch.period))
        equal = "" if second is None else ", second program: equal"
        yield (
            f"batch {batch.schedule}/{batch.period}   {STATES[batch.state]}: {batch.count} receipts,"
            f" {tft(batch.total)}, proof of capacity {root}{equal}"
        )
    for block in report.minting_blocks:
        yield (
            f"mint        block {block.height}: batch {block.schedule}/{block.period},"
            f" {block.nodes} nodes, {tft(block.amount)}, proof of capacity {block.root.hex()}"
        )
    for height, entry in report.fixed:
        yield (
            f"fixup       block {height}: batch {entry.schedule}/{entry.period},"
            f" node {entry.node_id}, {tft(entry.amount)}, receipt {entry.receipt.hex()}"
        )
    for found in report.faults:
        piece = found.piece
        yield (
            f"fault       block {found.block}: validator {piece.validator.hex()} signed two"
            f" {twice_of(piece)} at height {piece.height}, round {piece.round};"
            f" {tft(found.burned)} burned"
        )
    burned = f" - burned {tft(report.supply_burned)}" if report.supply_burned else ""
    yield (
        f"supply      genesis {tft(report.supply_genesis)} + minted {tft(report.supply_minted)}"
        f"{burned} = held {tft(report.supply_held)}"
    )
    anchored = "anchored" if report.anchored else "consistent, not anchored: no --trust was given"
    yield f"audit: ok ({anchored})"


def tft(amount: int) -> str:
    """Units as TFT with all seven decimals."""
    return f"{amount // UTFT_PER_TFT}.{amount % UTFT_PER_TFT:07d} TFT"


def _plain(report: Report) -> dict[str, Any]:
    return {
        "ok": True,
        "anchored": report.anchored,
        "chain_id": report.chain_id,
        "genesis_hash": report.genesis_hash.hex(),
        "height": report.height,
        "block_id": report.block_id.hex(),
        "state_root": report.state_root.hex(),
        "transactions": report.transactions,
        "signatures": report.signatures,
        "receipts": report.receipts_compared,
        "batches": [
            {
                "schedule": batch.schedule,
                "period": batch.period,
                "state": STATES[batch.state],
                "count": batch.count,
                "total": str(batch.total),
                "root": batch.root.hex(),
                "second": report.second.get((batch.schedule, batch.period), b"").hex(),
                "minted": str(batch.minted),
            }
            for batch in report.batches
        ],
        "minting_blocks": [
            {
                "height": block.height,
                "schedule": block.schedule,
                "period": block.period,
                "root": block.root.hex(),
                "nodes": block.nodes,
                "amount": str(block.amount),
            }
            for block in report.minting_blocks
        ],
        "fixed": [
            {
                "height": height,
                "fixup": entry.fixup,
                "schedule": entry.schedule,
                "period": entry.period,
                "node_id": entry.node_id,
                "amount": str(entry.amount),
                "receipt": entry.receipt.hex(),
            }
            for height, entry in report.fixed
        ],
        "faults": [
            {
                "block": found.block,
                "validator": found.piece.validator.hex(),
                "twice": twice_of(found.piece),
                "height": found.piece.height,
                "round": found.piece.round,
                "burned": str(found.burned),
            }
            for found in report.faults
        ],
        "supply": {
            "genesis": str(report.supply_genesis),
            "minted": str(report.supply_minted),
            "burned": str(report.supply_burned),
            "held": str(report.supply_held),
        },
    }
