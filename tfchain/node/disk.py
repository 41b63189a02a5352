"""What a node keeps on its disk, opened together and held against each other (P35, 1.6.7, 1.7.6).

Store, log and signer each survive a crash alone; a backup of one of them beside the newer others is
what makes validators contradict themselves. So they are compared before the first word is said.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.units import U32_MAX, Height
from tfchain.bft.events import Signed
from tfchain.bft.messages import Message, Vote
from tfchain.errors import Divergence, Unavailable
from tfchain.ledger.commit import ABSENT, PREVOTE
from tfchain.ledger.validators import validator_address
from tfchain.node.config import NodeConfig
from tfchain.node.home import Home, load_genesis
from tfchain.replica.log import entries_of
from tfchain.store import signer as steps
from tfchain.store.chain import ChainStore
from tfchain.store.files import told
from tfchain.store.kv import Store
from tfchain.store.open import open_store
from tfchain.store.signer import Signer
from tfchain.store.signer_files import open_signer
from tfchain.store.wal import Wal, inspect_wal, open_wal

NOWHERE: Final = (0, 0, 0)
"""Before the first signature."""

_LAST_STEP: Final = (U32_MAX, steps.PRECOMMIT)
"""Round and step after which a height has no other."""

SignedPlace: TypeAlias = tuple[int, int, int]
"""Height, round, step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """An open home. `signer` is None where the node only follows."""

    store: Store
    chain: ChainStore
    signer: Signer | None
    wal: Wal


@contextmanager
def opened_disk(home: Home, config: NodeConfig, *, allow_old_store: bool) -> Iterator[Disk]:
    """Open a home for this process alone; a new one gets its genesis.

    `allow_old_store`: the store may be older than what the signer signed; the node catches up from
    its peers, and the signer keeps it from signing anything a second time.

    Raises:
        Unavailable: in use, missing, damaged, or parts that do not belong together.
        Malformed: the genesis is none.
    """
    with ExitStack() as stack:
        store = open_store(home.store, config.store)
        stack.callback(store.close)
        chain = ChainStore(store)
        chain.begin(load_genesis(home))
        signer = None
        if home.validator_key.exists():
            signer = open_signer(home.validator_key, home.signer_state)
            stack.callback(signer.close)
            _check_signer(chain, signer, home, allow_old_store=allow_old_store)
        tolerate = _check_log(chain, signer, home, allow_old_store=allow_old_store)
        wal = open_wal(home.wal, tolerate=tolerate)
        stack.callback(wal.close)
        yield Disk(store=store, chain=chain, signer=signer, wal=wal)


def _check_signer(chain: ChainStore, signer: Signer, home: Home, *, allow_old_store: bool) -> None:
    """The signer may be at most one height ahead of the store, and not behind what it shows."""
    height, last = chain.height(), signer.last()
    if last[0] > height + 1 and not allow_old_store:
        what = f"the store ends at height {height}, but this validator signed at {last[0]}"
        remedy = "restore the newest data, or start with --allow-old-store to catch up from peers"
        raise Unavailable(what, str(home.store), remedy)
    if _own_precommit(chain, signer) > last:
        raise _old_state(home, f"block {height} carries a later vote of this key")


def _own_precommit(chain: ChainStore, signer: Signer) -> SignedPlace:
    """Where this key stands in the commit of the last block."""
    tip = chain.tip()
    commit = chain.commit(tip.height)
    index = tip.last_validators.index_of(validator_address(signer.key))
    if commit is None or index is None or commit.slots[index].flag == ABSENT:
        return NOWHERE
    return commit.height, commit.round, steps.PRECOMMIT


def _old_state(home: Home, why: str) -> Unavailable:
    what = f"the signer state is older than the rest of the home ({why})"
    remedy = "restore the newest one; without it this key must not sign again"
    return Unavailable(what, str(home.signer_state), remedy)


def _check_log(
    chain: ChainStore, signer: Signer | None, home: Home, *, allow_old_store: bool
) -> bool:
    """Whether damage in the log may be tolerated: nothing that was signed is lost with it."""
    if not home.wal.exists():
        return False
    found, payloads = inspect_wal(home.wal)
    height = chain.height()
    try:
        logged = _logged(payloads, height)
    except Divergence as fault:
        if not allow_old_store:
            remedy = "restore the newest data, or start with --allow-old-store"
            raise Unavailable(str(fault), str(home.wal), remedy) from fault
        with told("cannot move the log of the newer store aside", home.wal):
            home.wal.replace(home.wal.with_name(home.wal.name + ".newer"))
        return False
    if signer is None:
        return True
    if logged > signer.last():
        raise _old_state(home, "the log tells of a later word of this key")
    return found.damage is not None and signer.last() <= max(logged, (height, *_LAST_STEP))


def _logged(payloads: Sequence[bytes], height: Height) -> SignedPlace:
    """The last thing that the log shows this key to have said of the height after `height`."""
    entries = entries_of(payloads, Height(height + 1))
    own = [place_of(entry.message) for entry in entries if isinstance(entry, Signed)]
    return max(own, default=NOWHERE)


def place_of(message: Message) -> SignedPlace:
    """Where a signed message stands, as the signer counts (1.6.5)."""
    if not isinstance(message, Vote):
        return message.height, message.round, steps.PROPOSAL
    step = steps.PREVOTE if message.kind == PREVOTE else steps.PRECOMMIT
    return message.height, message.round, step
