"""A story, acted: what is due is signed and handed in until a block has it, and its code looked at."""

from collections import deque

from tfchain.base.units import Seconds, Utft
from tfchain.ledger import tables
from tfchain.sim.fold import Fold
from tfchain.sim.genesis import GUEST, key_of
from tfchain.sim.history.desk import Desk
from tfchain.sim.history.leasing import leasing
from tfchain.sim.history.reporter import Reporter
from tfchain.sim.history.story import Act, Story
from tfchain.sim.history.wallet import Wallet, worded
from tfchain.sim.history.wishes import GUARDIAN, joining
from tfchain.store.chain import ChainStore
from tfchain.tx.kinds.transfer import Transfer


class Play:
    """Everybody in the story, and its guardians."""

    def __init__(self, story: Story, fold: Fold, chain: ChainStore, guardians: int) -> None:
        self._fold, self._chain = fold, chain
        self.desk = Desk(story, chain, guardians)
        names = [*(farmer.name for farmer in story.farmers), *story.users()]
        self._people = {name: Wallet(name, 0) for name in names}
        self._guardians = [Wallet(GUARDIAN, number) for number in range(guardians)]
        self._guest = Wallet("sender", GUEST)
        self._reporters = [
            Reporter(farmer, story.leases, self._people[farmer.name]) for farmer in story.farmers
        ]
        self._hand_out(story)

    def _hand_out(self, story: Story) -> None:
        """To everybody his acts, in order of time."""
        acts = [act for farmer in story.farmers for act in joining(farmer)]
        acts += [*leasing(story), *story.acts]
        for act in sorted(acts, key=lambda one: one.at):
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
