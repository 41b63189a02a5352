"""A story, acted: what is due is signed and handed in until a block has it, and its code looked at."""

from collections import deque
from typing import Final

from tfchain.base.units import NodeId, Seconds, Utft
from tfchain.ledger import tables
from tfchain.sim.fold import Fold
from tfchain.sim.genesis import GUEST, key_of
from tfchain.sim.history.desk import Desk
from tfchain.sim.history.genesis import REPORT_S
from tfchain.sim.history.story import DAY, Act, Farmer, Story
from tfchain.sim.history.wallet import Wallet, worded
from tfchain.sim.history.wishes import GUARDIAN, find_node, joining
from tfchain.store.chain import ChainStore
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer

YEAR: Final = 365 * DAY
LATE_S: Final = 9 * 3_600
"""How long a report is handed in again: no block takes one that is older than its window."""


class _Reporter:
    """A node: up since it joined, but for the days that it is off."""

    def __init__(self, farmer: Farmer, wallet: Wallet) -> None:
        self.farmer, self.wallet = farmer, wallet
        self._next = Seconds(0)
        self._booted: int | None = None
        self._sent: tuple[Seconds, bytes] | None = None

    def next(self, fold: Fold, now: Seconds) -> list[bytes]:
        node = find_node(fold.state(), self.farmer.name)
        if node is None or now >= self.farmer.ends:
            return []
        if any(start <= now < start + days * DAY for start, days in self.farmer.off):
            self._booted = None
            return []
        if self._booted is None:
            self._booted = now - 60
            self._next = now
        if now >= self._next:
            self._sent = now, worded(fold, self.wallet, self._said(node, now), 0)
            self._next = Seconds(now + REPORT_S)
        late = self._sent is None or now - self._sent[0] > LATE_S
        return [] if late or self._sent is None else [self._sent[1]]

    def _said(self, node: NodeId, now: Seconds) -> ReportUptime:
        assert self._booted is not None, "it reports while it is up"
        up = now - self._booted
        if any(lie <= now < lie + REPORT_S for lie in self.farmer.lies):
            up += YEAR
        return ReportUptime(node_id=node, t=now, uptime=up)


class Play:
    """Everybody in the story, and its guardians."""

    def __init__(self, story: Story, fold: Fold, chain: ChainStore, guardians: int) -> None:
        self._fold, self._chain = fold, chain
        self.desk = Desk(story, chain, guardians)
        self._people = {farmer.name: Wallet(farmer.name, 0) for farmer in story.farmers}
        self._guardians = [Wallet(GUARDIAN, number) for number in range(guardians)]
        self._guest = Wallet("sender", GUEST)
        people = [_Reporter(farmer, self._people[farmer.name]) for farmer in story.farmers]
        self._reporters = people
        self._hand_out(story)

    def _hand_out(self, story: Story) -> None:
        """To everybody his acts, in order of time."""
        acts = [act for farmer in story.farmers for act in joining(farmer)]
        for act in sorted([*acts, *story.acts], key=lambda one: one.at):
            if act.at < story.end:
                self._wallet(act).due.append(act)

    def _wallet(self, act: Act) -> Wallet:
        role, _, number = act.who.partition(" ")
        return self._guardians[int(number)] if role == GUARDIAN else self._people[act.who]

    def next(self, now: Seconds) -> tuple[bytes, ...]:
        """What is due, and whatever no block has yet."""
        wallets = [*self._people.values(), *self._guardians]
        for wallet in wallets:
            wallet.settle(self._chain)
        for act in self.desk.acts(self._fold.state(), now):
            _put_in_time(self._wallet(act).due, act)
        raws = [raw for wallet in wallets for raw in wallet.next(self._fold, now)]
        for reporter in self._reporters:
            raws += reporter.next(self._fold, now)
        return tuple(raws)

    def last(self) -> bytes:
        """A coin from the one who has most."""
        some = Transfer(to=key_of("sender", 0), amount=Utft(10_000_000))
        return worded(self._fold, self._guest, some, 0)

    def has_last(self) -> bool:
        """Whether the story is told to its end."""
        for wallet in self._people.values():
            wallet.settle(self._chain)
        guest = tables.ACCOUNTS.need(self._fold.state(), self._guest.address)
        return guest.nonce > 0 and all(wallet.idle for wallet in self._people.values())


def _put_in_time(due: deque[Act], act: Act) -> None:
    """Before what is due later."""
    place = next((index for index, one in enumerate(due) if one.at > act.at), len(due))
    due.insert(place, act)
