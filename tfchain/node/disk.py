"""What a node keeps on its disk, opened together and held against each other (P35, 1.6.7, 1.7.6).

Store, log and signer each survive a crash alone; a backup of one of them beside the newer others is
what makes validators contradict themselves. So they are compared before the first word is said.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tfchain.errors import Unavailable
from tfchain.node.config import NodeConfig
from tfchain.node.home import Home, load_genesis
from tfchain.node.moving import check_not_retired
from tfchain.node.recovery import Plan, look, plan_of
from tfchain.store.chain import ChainStore
from tfchain.store.files import sync_folder, told
from tfchain.store.kv import Store
from tfchain.store.open import open_store
from tfchain.store.signer import Signer
from tfchain.store.signer_files import open_signer
from tfchain.store.snapshot import Shelf
from tfchain.store.wal import Wal, open_wal


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """An open home. `signer` is None where the node only follows."""

    store: Store
    chain: ChainStore
    signer: Signer | None
    wal: Wal
    shelf: Shelf
    """The snapshots that were made of the store."""


@contextmanager
def opened_disk(home: Home, config: NodeConfig, *, allow_old_store: bool) -> Iterator[Disk]:
    """Open a home for this process alone; a new one gets its genesis.

    `allow_old_store`: store or log may be older than what the signer signed; the node catches up
    from its peers, and signs nothing more at heights that it does not remember.

    Raises:
        Unavailable: in use, missing, damaged, retired, or parts that do not belong together.
        Malformed: the genesis is none.
    """
    with opened_parts(home, config) as (chain, signer):
        found = look(home, chain, signer, config.look_back)
        plan = plan_of(found, home, allow_old_store=allow_old_store)
        _carry_out(plan, home, signer)
        wal = open_wal(home.wal, tolerate=plan.mend)
        try:
            shelf = Shelf(home.snapshots)
            yield Disk(store=chain.store, chain=chain, signer=signer, wal=wal, shelf=shelf)
        finally:
            wal.close()


@contextmanager
def opened_parts(home: Home, config: NodeConfig) -> Iterator[tuple[ChainStore, Signer | None]]:
    """Store and signer, locked for this process; nothing is compared yet.

    Raises:
        Unavailable, Malformed: as `opened_disk`.
    """
    check_not_retired(home)
    with ExitStack() as stack:
        store = open_store(home.store, config.store)
        stack.callback(store.close)
        chain = ChainStore(store)
        chain.begin(load_genesis(home))
        signer = None
        if home.validator_key.exists():
            signer = open_signer(home.validator_key, home.signer_state)
            stack.callback(signer.close)
        elif home.signer_state.exists():
            what = "a signer state stands here, but no validator key"
            remedy = "restore the key, or remove the state to let this home follow the chain"
            raise Unavailable(what, str(home.signer_state), remedy)
        yield chain, signer


def _carry_out(plan: Plan, home: Home, signer: Signer | None) -> None:
    if plan.silent:
        assert signer is not None, "only a signer can have signed too much"
        signer.skip_to_end_of(signer.last()[0])
    if plan.aside:
        with told("cannot move the log aside", home.wal):
            home.wal.replace(home.wal.with_name(home.wal.name + ".aside"))
            sync_folder(home.folder)
