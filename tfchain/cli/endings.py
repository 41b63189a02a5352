"""How a run ends: for whatever was raised an exit code and, where there is something to say, a line.

0: done. 1: the answer is no (an audit failed, a transaction was refused). 2: the call was wrong.
3: something could not be reached or read, or went wrong in a way that nobody foresaw.
130 and 141: Ctrl-C, and a reader that went away; both say nothing, as shells expect.
"""

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import typer

from tfchain.errors import Divergence, InvalidBlock, Malformed, Rejected, TfchainError
from tfchain.node.faults import fault_of

DONE: Final = 0
NO: Final = 1
WRONG_CALL: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130
NO_READER: Final = 141

CODES: Final = {
    DONE: "done",
    NO: "the answer is no: an audit failed, a transaction was refused",
    WRONG_CALL: "the call was wrong",
    UNREACHABLE: "something could not be reached or read, or went wrong unforeseen",
    INTERRUPTED: "Ctrl-C",
    NO_READER: "whoever read the output went away",
}

TRACEBACK_VARIABLE: Final = "TFCHAIN_TRACEBACK"
"""Set to 1, the whole way of an error is shown before its line."""
LINE_CHARS_MAX: Final = 2_000

_WrongUse: Final = typer.BadParameter.__mro__[1]
"""What the command line's parser raises for any call that is wrong."""
_VERB_MISSING: Final = "Missing command."


@dataclass(frozen=True, slots=True)
class Ending:
    """An exit code, and the line before it; empty where there is nothing to say."""

    code: int
    line: str = ""


def told(fault: BaseException, environ: Mapping[str, str]) -> int:
    """Print what there is to say of `fault`; its exit code."""
    _flush()
    ending = ending_of(fault)
    with suppress(OSError):  # nobody may be reading stderr either
        if ending.line and environ.get(TRACEBACK_VARIABLE, "0") not in {"", "0"}:
            traceback.print_exception(fault)
        if ending.line:
            print(one_line(ending.line), file=sys.stderr, flush=True)
    return ending.code


def ending_of(fault: BaseException) -> Ending:
    """What a run that raised this ends with."""
    match fault:
        case BaseExceptionGroup():
            ending = ending_of(_first(fault))
        case SystemExit(code=code):
            ending = Ending(NO_READER) if _lost_its_reader(fault) else _asked_for(code)
        case KeyboardInterrupt() | typer.Abort():
            ending = Ending(INTERRUPTED)
        case BrokenPipeError():
            ending = Ending(NO_READER)
        case TfchainError():
            kind = "malformed: " if isinstance(fault, Malformed) else ""
            ending = Ending(code_of(fault), f"tfchain: {kind}{fault}")
        case OSError():
            ending = Ending(UNREACHABLE, f"tfchain: {_refusal(fault)}; {_more()}")
        case _ if isinstance(fault, _WrongUse):
            ending = Ending(WRONG_CALL, _wrong_use(fault))
        case _:
            line = f"tfchain: unforeseen {_named(fault)}; {_more()}, and report it"
            ending = Ending(UNREACHABLE, line)
    return ending


def code_of(fault: TfchainError) -> int:
    """The code that says what kind of no this is."""
    return NO if isinstance(fault, Rejected | InvalidBlock | Divergence) else UNREACHABLE


def one_line(text: str) -> str:
    """The text without line ends or letters that would move a terminal, at most so long."""
    line = " ".join(text.split())
    return "".join(letter if letter.isprintable() else "?" for letter in line)[:LINE_CHARS_MAX]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error that a group is about: ours if all are, else what ends a run, else a stranger."""
    fault = fault_of(group)
    if fault is not None:
        return fault
    leaves = [leaf for leaf in _leaves(group) if not isinstance(leaf, TfchainError)]
    ends = (KeyboardInterrupt, SystemExit, BrokenPipeError)
    return next((leaf for leaf in leaves if isinstance(leaf, ends)), leaves[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner)
        else:
            yield inner


def _lost_its_reader(end: SystemExit) -> bool:
    """Libraries that print end the run when the pipe is closed; what they caught says why."""
    return isinstance(end.__context__, BrokenPipeError)


def _asked_for(code: object) -> Ending:
    if code is None:
        return Ending(DONE)
    return Ending(code) if type(code) is int else Ending(NO, f"tfchain: {code}")


def _refusal(fault: OSError) -> str:
    reason = os.strerror(fault.errno) if fault.errno else str(fault) or type(fault).__name__
    return f"{reason}: {fault.filename}" if fault.filename else reason


def _named(fault: BaseException) -> str:
    text = str(fault)
    return f"{type(fault).__name__}: {text}" if text else type(fault).__name__


def _more() -> str:
    return f"set {TRACEBACK_VARIABLE}=1 to see the whole way"


def _wrong_use(fault: BaseException) -> str:
    """What was wrong, where, and who tells more."""
    ctx = getattr(fault, "ctx", None)
    path = getattr(ctx, "command_path", "tfchain")
    what = str(fault.format_message() if hasattr(fault, "format_message") else fault)
    if what == _VERB_MISSING:
        verbs = getattr(getattr(ctx, "command", None), "commands", {})
        what = f"a verb is due: {', '.join(verbs)}"
    return f"{path}: {what[:1].lower()}{what[1:].rstrip('.')}; see `{path} --help`"


def _flush() -> None:
    """Print what was printed before the line; where nobody takes it, let nobody try again."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
