"""A validator of a devnet: `python -m tfchain.node.devnet.child start --home DIR`.

The verb is run as the front door runs it. Standard input is a pipe that the devnet holds open and
never writes to: when it ends, however the devnet ended, this process ends too.
"""

import os
import runpy
import signal
import sys
import threading
import time
from typing import Final

STDIN: Final = 0
LEAVE_S: Final = 10
"""How long a validator may take to close its store before it is stopped where it stands."""


def watch(descriptor: int = STDIN) -> None:
    """Wait for the pipe to end, then end this process: first politely, then not."""
    while os.read(descriptor, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LEAVE_S)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Run the verb under the watch."""
    threading.Thread(target=watch, name="devnet-watch", daemon=True).start()
    sys.argv = ["tfchain", *arguments]
    runpy.run_module("tfchain", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
