"""`tfchain`: the front door, and the only place where an error becomes a line and an exit code.

It loads nothing but what the verb that was asked for needs, and that inside the door: so Ctrl-C is
quiet and an error is one line from the first moment on.
"""

import sys
from importlib import import_module
from os import environ
from types import TracebackType
from typing import Final

VERBS: Final = (
    "devnet",
    "init",
    "start",
    "web",
    "config",
    "status",
    "doctor",
    "wal",
    "diff-state",
    "replay",
    "validator",
    "show",
    "statement",
    "keys",
    "tx",
    "export",
    "snapshot",
    "backup",
    "audit",
    "guardian",
    "minting",
    "simulate",
    "reference",
    "completion",
)
"""A verb is the module of its name in this folder; it holds a function of
that name, or `app` where the verb has verbs of its own. Only the one that is asked for is loaded: a
validator that starts need not wait for the simulator."""

_FRONT: Final = "tfchain.cli.front"
_ENDINGS: Final = "tfchain.cli.endings"
_WRONG_CALL: Final = 2


class Door:
    """Whatever comes out of a verb ends here: a line on stderr, an exit code, never a traceback."""

    def __enter__(self) -> None:
        """Nothing is open yet."""

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        fault: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Say what it was, and end with its code."""
        if fault is not None:
            sys.exit(import_module(_ENDINGS).told(fault, environ))


def main() -> None:
    """Run the verb that was asked for."""
    if not __debug__:
        print(
            "tfchain: assertions guard the ledger: run it without -O and PYTHONOPTIMIZE",
            file=sys.stderr,
        )
        sys.exit(_WRONG_CALL)
    with Door():
        code = import_module(_FRONT).called(sys.argv[1:], environ, VERBS)
        if sys.stdout is not None:
            sys.stdout.flush()
    sys.exit(code)
