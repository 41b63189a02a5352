"""The second program as a process: `python -m tfchain.node.guardian.columns_child CHECKPOINT`.

It hears requests on standard input and answers on standard output until the input ends, which it
does when the validator goes, however it goes. What it cannot believe ends it: whoever feeds it starts
another one, from the checkpoint.
"""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from tfchain.base.crypto import HASH_BYTES
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height
from tfchain.chain.columns.checkpoint import CHECKPOINT_BYTES_MAX
from tfchain.chain.columns.program import Columns
from tfchain.chain.genesis import Genesis, read_genesis
from tfchain.errors import Malformed, TfchainError, Unavailable
from tfchain.net.frames import LENGTH_BYTES
from tfchain.node.guardian import columns_wire as wire
from tfchain.store.files import replace_file, told

NICENESS: Final = 5
"""Votes come first where there are fewer cores than processes."""


class Desk:
    """The program between two requests."""

    def __init__(self, checkpoint: Path) -> None:
        self._path = checkpoint
        self._program: Columns | None = None

    def answer(self, request: wire.Request) -> wire.Answer:
        """What the request comes to.

        Raises:
            Malformed: a genesis, or a block, that this program cannot believe; it must not go on.
        """
        if isinstance(request, wire.Begin):
            return self._begin(request)
        if self._program is None:
            raise Malformed("the first request is the genesis")
        program = self._program
        try:
            return self._answer(program, request)
        except Unavailable as fault:
            return wire.Refused(reason=wire.noted(str(fault)))

    def _answer(self, program: Columns, request: wire.Request) -> wire.Answer:
        match request:
            case wire.Take():
                _take(program, request)
            case wire.Compute():
                result = program.result(request.schedule, request.period)
                return wire.Computed(root=result.root, total=result.total, count=result.count)
            case wire.Show():
                return _shown(program, request)
            case wire.Keep():
                return self._keep(program)
            case wire.Forget():
                program.forget(request.schedule, request.period)
            case wire.Begin():
                raise AssertionError("a genesis is not asked here")
        return _standing(program)

    def _begin(self, request: wire.Begin) -> wire.Standing:
        if self._program is not None:
            raise Malformed("a genesis came before")
        try:
            genesis = read_genesis(request.genesis.decode())
        except UnicodeDecodeError as fault:
            raise Malformed("the genesis is not UTF-8") from fault
        sealed, note = self._loaded()
        self._program, refusal = _resumed(genesis, sealed, request.height_max)
        if self._program.height == 0:
            sealed = b""
        return _standing(self._program, sealed[:HASH_BYTES], note or refusal)

    def _loaded(self) -> tuple[bytes, str]:
        """The checkpoint's bytes; none, and why, where it cannot be read."""
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size > CHECKPOINT_BYTES_MAX:
                    return b"", "the checkpoint is too large; all blocks are taken again"
                return file.read(), ""
        except FileNotFoundError:
            return b"", ""
        except OSError as fault:
            reason = os.strerror(fault.errno or 0)
            return b"", f"the checkpoint cannot be read ({reason}); all blocks are taken again"

    def _keep(self, program: Columns) -> wire.Standing:
        sealed = program.checkpoint()
        with told("cannot write the guardian's checkpoint", self._path):
            replace_file(self._path, sealed)
        return _standing(program, sealed[:HASH_BYTES])


def _resumed(genesis: Genesis, sealed: bytes, height_max: int) -> tuple[Columns, str]:
    """The program where the checkpoint left it, else at the beginning, and why."""
    fresh = Columns(genesis.params, genesis.policies, genesis.supply())
    if not sealed:
        return fresh, ""
    try:
        program = Columns.resume(genesis.params, genesis.policies, sealed, genesis.supply())
    except Malformed as fault:
        return fresh, wire.noted(f"checkpoint refused: {fault}; all blocks are taken again")
    if program.height > height_max:
        return fresh, f"the checkpoint is of block {program.height}, which this chain has not yet"
    return program, ""


def _take(program: Columns, request: wire.Take) -> None:
    """A block that cannot be taken leaves the program half done: it ends."""
    try:
        program.take(request.height, request.time, request.txs, request.codes)
    except Unavailable as fault:
        raise Malformed(str(fault)) from fault


def _shown(program: Columns, request: wire.Show) -> wire.Shown:
    receipts = program.result(request.schedule, request.period).receipts
    chosen = receipts[request.first : request.first + wire.SHOWN_MAX]
    return wire.Shown(receipts=tuple(encode_record(receipt) for receipt in chosen))


def _standing(program: Columns, checkpoint: bytes = b"", note: str = "") -> wire.Standing:
    return wire.Standing(height=Height(program.height), checkpoint=checkpoint, note=note)


def serve(source: BinaryIO, sink: BinaryIO, checkpoint: Path) -> None:
    """Answer until the source ends.

    Raises:
        Malformed: a frame or a request that is none, or a block that cannot be believed.
    """
    desk = Desk(checkpoint)
    while (body := _body(source)) is not None:
        sink.write(wire.frame_of(desk.answer(wire.read_request(body))))
        sink.flush()


def _body(source: BinaryIO) -> bytes | None:
    """The next frame's body; None where the source ends."""
    head = source.read(LENGTH_BYTES)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if len(head) < LENGTH_BYTES or not 0 < length <= wire.MESSAGE_BYTES_MAX:
        raise Malformed(f"a frame of {length} bytes where at most {wire.MESSAGE_BYTES_MAX} are")
    body = source.read(length)
    if len(body) < length:
        raise Malformed("a frame that was cut off")
    return body


def main(arguments: list[str]) -> int:
    """0 when the validator let it go, 1 when it was told what cannot be; one line says what."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    if len(arguments) != 1:
        sys.stderr.write("guardian's second program: one argument is due, its checkpoint file\n")
        return 2
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer, Path(arguments[0]))
    except (TfchainError, BrokenPipeError) as fault:
        sys.stderr.write(f"guardian's second program: {wire.noted(str(fault))}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
