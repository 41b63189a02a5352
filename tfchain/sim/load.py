"""A little traffic for a simulated chain: two people who send each other coins, and one farmer.

They know what the chain shows them: a transaction that does not come into a block is sent again, the
same bytes, to whichever node comes to hand.
"""

from dataclasses import dataclass, field

from tfchain.base.crypto import sign
from tfchain.base.shapes import layout
from tfchain.base.units import Height, Seconds, Utft
from tfchain.ledger import tables
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.sim.chance import Chance
from tfchain.sim.fold import Fold
from tfchain.sim.genesis import FEE, GENESIS_TIME, GUEST, SENDERS, key_of, seed_of
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

VALID_BLOCKS = 900
"""How long a transaction may wait: far longer than a simulation lasts."""
AHEAD_MAX = 8
"""Transactions of one sender that are not in a block yet."""
MACHINE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
FARMER = SENDERS - 1


@dataclass(slots=True)
class _Sender:
    """One account, and its transactions that no block holds yet, by nonce."""

    number: int
    waiting: dict[int, bytes] = field(default_factory=dict)


class Load:
    """Transactions from time to time, as the chain in `fold` allows."""

    def __init__(self, fold: Fold, chance: Chance) -> None:
        self._fold, self._chance = fold, chance
        self._senders = [_Sender(number) for number in range(SENDERS)]
        self._guest = _Sender(GUEST)

    def next(self, now: Seconds) -> tuple[bytes, ...]:
        """What somebody hands in now: something new, or all that is still waiting."""
        sender = self._chance.pick(self._senders)
        nonce = self._confirmed(sender)
        if len(sender.waiting) >= AHEAD_MAX or (sender.waiting and self._chance.happens(250)):
            return tuple(sender.waiting.values())
        body = self._wish(sender, now)
        if isinstance(body, ReportUptime):
            return (self._worded(sender, 0, body),)
        raw = self._worded(sender, nonce + len(sender.waiting), body)
        sender.waiting[nonce + len(sender.waiting)] = raw
        return (raw,)

    def last(self) -> bytes:
        """The one transaction of the guest, who hands it in once (L2)."""
        return self._worded(self._guest, 0, self._transfer(self._guest))

    def has_last(self) -> bool:
        """Whether the guest's transaction is in the chain."""
        return self._confirmed(self._guest) > 0

    def _confirmed(self, sender: _Sender) -> int:
        """The account's nonce; what is below it is in a block."""
        account = tables.ACCOUNTS.need(self._fold.state(), key_of("sender", sender.number))
        left = {nonce: raw for nonce, raw in sender.waiting.items() if nonce >= account.nonce}
        sender.waiting = left
        return account.nonce

    def _wish(self, sender: _Sender, now: Seconds) -> Kind:
        if sender.number != FARMER or sender.waiting:
            return self._transfer(sender)
        return _next_step(self._fold.state(), now) or self._transfer(sender)

    def _transfer(self, sender: _Sender) -> Transfer:
        target = (sender.number + 1) % SENDERS
        amount = Utft(self._chance.between(500, 5_000_000))
        return Transfer(to=key_of("sender", target), amount=amount)

    def _worded(self, sender: _Sender, nonce: int, body: Kind) -> bytes:
        kind = NUMBERS[type(body)]
        envelope = Envelope(
            chain_id=tables.PARAMS.need(self._fold.state(), tables.SINGLE).chain_id,
            sender=key_of("sender", sender.number),
            nonce=nonce,
            valid_until=Height(self._fold.tip.height + VALID_BLOCKS),
            fee=Utft(0 if isinstance(body, ReportUptime) else FEE),
            kind=kind,
        )
        plain = layout(type(body)).pack(body)
        signature = sign(seed_of("sender", sender.number), message_of(envelope, plain))
        return encode_transaction(envelope, plain, signature)


def _next_step(state: State, now: Seconds) -> Kind | None:
    """A farmer's way: a twin, a farm, a machine, and then reports for ever."""
    farmer = key_of("sender", FARMER)
    ref = tables.TWIN_OF.get(state, farmer)
    if ref is None:
        return CreateTwin(relay="", public_key=b"")
    farm = tables.FARM_NAMED.get(state, b"simfarm")
    if farm is None:
        return CreateFarm(name="simfarm")
    node = tables.NODE_OF.get(state, tables.id_key(ref.twin_id))
    if node is not None:
        return ReportUptime(node_id=node.node_id, t=now, uptime=now - GENESIS_TIME)
    return RegisterNode(
        farm_id=farm.farm_id,
        reporter=farmer,
        resources=MACHINE,
        country="",
        city="",
        virtualized=False,
        acceptance=b"",
    )
