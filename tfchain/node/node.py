"""A running node, as whatever runs beside it in its process sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tfchain import __version__
from tfchain.base.address import to_text
from tfchain.base.units import Address
from tfchain.ledger.state import State
from tfchain.net.mesh import Mesh
from tfchain.node.config import NodeConfig
from tfchain.node.disk import Disk
from tfchain.node.heads import Heads
from tfchain.node.home import Home
from tfchain.node.journal import Journal
from tfchain.node.pump import Pump
from tfchain.replica.effects import Reply
from tfchain.store.open import describe


@dataclass(slots=True, kw_only=True)
class Node:
    """The parts of a node. Ports are those that the system gave, once it listens."""

    home: Home
    config: NodeConfig
    chain_id: str
    disk: Disk
    pump: Pump
    mesh: Mesh
    journal: Journal
    p2p_port: int = 0
    http_port: int = 0

    @property
    def heads(self) -> Heads:
        """The stored height: `current`, and `await wait_for(height)`."""
        return self.pump.heads

    @property
    def validator(self) -> Address | None:
        """The validator key, which may be in the set or not; None for a follower."""
        return None if self.disk.signer is None else self.disk.signer.key

    def state(self) -> State:
        """The state after the last height. Read it at once: it must not outlive an `await`."""
        return State(self.pump.views.current)

    async def submit(self, raws: Sequence[bytes]) -> tuple[Reply, ...]:
        """Hand in transactions; `ok` or the code of the refusal for each, in order.

        Raises:
            Unavailable: too many are being handed in; try again.
        """
        return await self.pump.submit(tuple(raws))

    def facts(self) -> dict[str, object]:
        """What a program that reads the log should know once it runs."""
        key = self.validator
        return {
            "version": __version__,
            "chain": self.chain_id,
            "height": self.heads.current,
            "store": self.disk.store.kind,
            "http": f"http://{self.config.http.host}:{self.http_port}",
            "peer": to_text(Address(self.mesh.key)),
            "p2p": f"{self.config.p2p.host}:{self.p2p_port}",
            "validator": "" if key is None else to_text(key),
        }

    def lines(self) -> list[str]:
        """The same for an operator."""
        facts = self.facts()
        return [
            f"chain {facts['chain']}, height {facts['height']}",
            describe(self.disk.store),
            f"http: {facts['http']}",
            f"p2p: {facts['peer']} at {facts['p2p']}",
            f"validator: {facts['validator'] or 'none, this node follows'}",
        ]
