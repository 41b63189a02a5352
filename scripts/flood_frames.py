"""A stranger who sends one validator nothing but garbage, at a rate, and calls again when hung up on.

It proves its own identity as any peer does. What follows are messages of kinds that nobody knows,
votes and transactions that are none, and frames that were never sealed, a connection each by turns.
Run by scripts/flood as a process of its own, so that its CPU is counted apart.
"""

import argparse
import json
import secrets
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from tfchain.errors import Malformed
from tfchain.net.frames import Unframer, frame
from tfchain.net.handshake import (
    HELLO_BYTES_MAX,
    PROOF_BYTES,
    Identity,
    Role,
    Session,
    greet,
)
from tfchain.replica import messages as wire

FRAMES_MIN, FRAMES_MAX = 50, 1_000
"""Written in one call: as many as are due by then."""
JUNK_BYTES: Final = 120
"""About a vote."""
PATIENCE_S: Final = 2.0
TURN_S: Final = 0.002

Garbage = Callable[[Session, bytes], bytes]


def _sealed(kind: int) -> Garbage:
    return lambda session, junk: session.sealer.seal(bytes((kind,)) + junk)


GARBAGE: Final[tuple[Garbage, ...]] = (
    _sealed(200),
    _sealed(wire.VOTE),
    _sealed(wire.TXS),
    lambda _session, junk: frame(junk),
)


@dataclass(slots=True)
class Count:
    """What was done so far."""

    frames: int = 0
    connections: int = 0
    turned_away: int = 0
    """Calls that came to nothing before a frame was sent."""
    hung_up: int = 0
    """Connections that the validator ended."""


@dataclass(slots=True)
class Flooder:
    """One stranger with one connection at a time."""

    place: tuple[str, int]
    identity: Identity
    count: Count = field(default_factory=Count)

    def flood(self, seconds: float, per_s: float) -> None:
        """Send so many frames a second, for so long."""
        began = time.monotonic()
        while (spent := time.monotonic() - began) < seconds:
            if spent * per_s - self.count.frames < FRAMES_MIN:
                time.sleep(TURN_S)
                continue
            with suppress(OSError, Malformed):
                self._converse(lambda: per_s * min(seconds, time.monotonic() - began))

    def _converse(self, due: Callable[[], float]) -> None:
        """One connection, until it is ended or everything is sent that is `due` by now."""
        garbage = GARBAGE[self.count.connections % len(GARBAGE)]
        self.count.connections += 1
        with socket.create_connection(self.place, PATIENCE_S) as stream:
            try:
                session = self._shake(stream)
            except (OSError, Malformed):
                self.count.turned_away += 1
                raise
            while (owed := int(due() - self.count.frames)) >= FRAMES_MIN:
                try:
                    self._send(stream, session, garbage, min(owed, FRAMES_MAX))
                except OSError:
                    self.count.hung_up += 1
                    raise
                time.sleep(TURN_S)

    def _send(self, stream: socket.socket, session: Session, garbage: Garbage, frames: int) -> None:
        junk = secrets.token_bytes(JUNK_BYTES)
        stream.sendall(b"".join(garbage(session, junk) for _ in range(frames)))
        self.count.frames += frames

    def _shake(self, stream: socket.socket) -> Session:
        unframer = Unframer()

        def receive(bytes_max: int) -> bytes:
            while (body := unframer.take(bytes_max)) is None:
                chunk = stream.recv(4_096)
                if not chunk:
                    raise ConnectionResetError("hung up")
                unframer.feed(chunk)
            return body

        greeting = greet(self.identity, Role.DIALLER, secrets.token_bytes(32))
        stream.sendall(frame(greeting.hello))
        meeting = greeting.meet(receive(HELLO_BYTES_MAX))
        stream.sendall(meeting.proof)
        return meeting.conclude(receive(PROOF_BYTES))


def main() -> int:
    """Flood, then say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--chain-id", required=True)
    parser.add_argument("--seed", required=True, help="of the stranger's key, in hex")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--per-second", type=float, required=True)
    options = parser.parse_args()
    identity = Identity(seed=bytes.fromhex(options.seed), chain_id=options.chain_id)
    print("ready", flush=True)
    sys.stdin.readline()
    flooder = Flooder((options.host, options.port), identity)
    flooder.flood(options.seconds, options.per_second)
    count = flooder.count
    print(
        json.dumps(
            {
                "sent": count.frames,
                "connections": count.connections,
                "turned_away": count.turned_away,
                "hung_up": count.hung_up,
                "cpu_s": round(time.process_time(), 2),
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
