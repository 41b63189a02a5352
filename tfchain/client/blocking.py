"""The same for scripts that do not await: each method is the trio one, run in a thread of its own.

Derived, not written twice: a row here is a method there, with its parameters and its answer.
"""

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from threading import Event
from typing import Concatenate, ParamSpec, TypeVar

import trio

from tfchain.base.units import Address, NodeId, PeriodIndex
from tfchain.client import batches, chain, sender, stream
from tfchain.client.chain import opened
from tfchain.client.keys import Key
from tfchain.ledger.block import Block
from tfchain.ledger.params import Params
from tfchain.ledger.records import Resources
from tfchain.ledger.state import Table

P = ParamSpec("P")
R = TypeVar("R")


class Portal:
    """A trio program in a thread, which holds one connection open and runs what it is asked for."""

    def __init__(self, url: str, chain_id: str, genesis: str) -> None:
        self._open = partial(opened, url, chain_id, genesis)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tfchain-client")
        self._ready = Event()
        self._chain: chain.Chain | None = None

    def start(self) -> chain.Chain:
        """The chain, once it is connected; raises what the connection raises."""
        self._life = self._thread.submit(self._live)
        self._ready.wait()
        if self._chain is None:
            self._thread.shutdown()
            self._life.result()
        assert self._chain is not None, "what failed has raised"
        return self._chain

    def stop(self) -> None:
        """Hang up, and wait for the thread's end."""
        trio.from_thread.run_sync(self._over.set, trio_token=self._token)
        self._life.result()
        self._thread.shutdown()

    def run(self, method: Callable[[], Awaitable[R]]) -> R:
        """Its answer, or what it raises."""
        return trio.from_thread.run(method, trio_token=self._token)

    def _live(self) -> None:
        """Whatever happens, nobody waits for it in vain."""
        try:
            trio.run(self._main)
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._over = trio.Event()
        self._token = trio.lowlevel.current_trio_token()
        async with self._open() as self._chain:
            self._ready.set()
            await self._over.wait()


def _of_chain(
    method: Callable[Concatenate[chain.Chain, P], Awaitable[R]],
) -> Callable[Concatenate["Chain", P], R]:
    @wraps(method)
    def run(self: "Chain", /, *args: P.args, **fields: P.kwargs) -> R:
        return self.portal.run(partial(method, self.inner, *args, **fields))

    return run


def _of_sender(
    method: Callable[Concatenate[sender.Sender, P], Awaitable[R]],
) -> Callable[Concatenate["Sender", P], R]:
    @wraps(method)
    def run(self: "Sender", /, *args: P.args, **fields: P.kwargs) -> R:
        return self.portal.run(partial(method, self.inner, *args, **fields))

    return run


class Sender:
    """`sender.Sender`, blocking."""

    def __init__(self, portal: Portal, inner: sender.Sender) -> None:
        self.portal = portal
        self.inner = inner

    @property
    def address(self) -> Address:
        """The account."""
        return self.inner.address

    create_twin = _of_sender(sender.Sender.create_twin)
    create_farm = _of_sender(sender.Sender.create_farm)
    set_payout_account = _of_sender(sender.Sender.set_payout_account)
    set_stellar_address = _of_sender(sender.Sender.set_stellar_address)
    register_node = _of_sender(sender.Sender.register_node)
    update_node = _of_sender(sender.Sender.update_node)
    report_uptime = _of_sender(sender.Sender.report_uptime)
    set_power_target = _of_sender(sender.Sender.set_power_target)
    set_power_state = _of_sender(sender.Sender.set_power_state)
    transfer = _of_sender(sender.Sender.transfer)
    commit_mint = _of_sender(sender.Sender.commit_mint)
    attest_mint = _of_sender(sender.Sender.attest_mint)
    propose_validator = _of_sender(sender.Sender.propose_validator)
    propose_power = _of_sender(sender.Sender.propose_power)
    propose_constant = _of_sender(sender.Sender.propose_constant)
    propose_upgrade = _of_sender(sender.Sender.propose_upgrade)
    vote_change = _of_sender(sender.Sender.vote_change)
    leave_validators = _of_sender(sender.Sender.leave_validators)
    rotate_reporter = _of_sender(sender.Sender.rotate_reporter)
    offer_farm = _of_sender(sender.Sender.offer_farm)
    accept_farm = _of_sender(sender.Sender.accept_farm)
    offer_twin = _of_sender(sender.Sender.offer_twin)
    accept_twin = _of_sender(sender.Sender.accept_twin)
    move_node = _of_sender(sender.Sender.move_node)
    propose = _of_sender(sender.Sender.propose)
    vote_proposal = _of_sender(sender.Sender.vote_proposal)
    vote_as_guardian = _of_sender(sender.Sender.vote_as_guardian)
    veto_proposal = _of_sender(sender.Sender.veto_proposal)
    set_farm_pool = _of_sender(sender.Sender.set_farm_pool)
    delete_node = _of_sender(sender.Sender.delete_node)
    renew_contract = _of_sender(sender.Sender.renew_contract)
    release_lock = _of_sender(sender.Sender.release_lock)
    create_contract = _of_sender(sender.Sender.create_contract)
    update_contract = _of_sender(sender.Sender.update_contract)
    cancel_contract = _of_sender(sender.Sender.cancel_contract)
    update_used_resources = _of_sender(sender.Sender.update_used_resources)
    report_consumption = _of_sender(sender.Sender.report_consumption)
    rent_node = _of_sender(sender.Sender.rent_node)
    set_dedicated = _of_sender(sender.Sender.set_dedicated)
    add_farm_ip = _of_sender(sender.Sender.add_farm_ip)
    remove_farm_ip = _of_sender(sender.Sender.remove_farm_ip)
    dispute_nodes = _of_sender(sender.Sender.dispute_nodes)
    send = _of_sender(sender.Sender.send)
    send_all = _of_sender(sender.Sender.send_all)
    post = _of_sender(sender.Sender.post)
    wait = _of_sender(sender.Sender.wait)
    prepare = _of_sender(sender.Sender.prepare)
    next_nonce = _of_sender(sender.Sender.next_nonce)


class Blocks:
    """`stream.BlockStream`, blocking."""

    def __init__(self, portal: Portal, inner: stream.BlockStream) -> None:
        self._portal = portal
        self.inner = inner

    def __iter__(self) -> Iterator[Block]:
        while True:
            yield self._portal.run(self.inner.next_block)


class Batches:
    """`batches.BatchStream`, blocking."""

    def __init__(self, portal: Portal, inner: batches.BatchStream) -> None:
        self._portal = portal
        self.inner = inner

    def __iter__(self) -> Iterator[batches.ProvenBatch]:
        while True:
            yield self._portal.run(self.inner.__anext__)


class Chain:
    """`chain.Chain`, blocking."""

    def __init__(self, portal: Portal, inner: chain.Chain) -> None:
        self.portal = portal
        self.inner = inner

    @property
    def params(self) -> Params:
        """The chain's constants."""
        return self.inner.params

    def sender(self, key: Key | str) -> Sender:
        """Whoever signs with `key`, or with the key of a secret URI. One sender a key."""
        return Sender(self.portal, self.inner.sender(key))

    def blocks(self, start: int = 1) -> Blocks:
        """Blocks from height `start` on, for ever."""
        return Blocks(self.portal, self.inner.blocks(start))

    def batches(self, start: int | tuple[int, int] = 1) -> Batches:
        """Sealed batches from block `start` on, or from `(schedule, period)` on, for ever."""
        return Batches(self.portal, self.inner.batches(start))

    faucet = _of_chain(chain.Chain.faucet)
    height = _of_chain(chain.Chain.height)
    proven = _of_chain(chain.Chain.proven)
    account = _of_chain(chain.Chain.account)
    farm_id = _of_chain(chain.Chain.farm_id)
    node_id = _of_chain(chain.Chain.node_id)
    contract = _of_chain(chain.Chain.contract)
    wait_receipt = _of_chain(chain.Chain.wait_receipt)
    proven_receipt = _of_chain(chain.Chain.proven_receipt)

    def read(self, table: Table[R], key: bytes, after: int = 0) -> R | None:
        """A record, its proof checked; None where it is proven that there is none."""
        return self.portal.run(partial(self.inner.read, table, key, after))

    def join(
        self,
        sender: Sender,
        farm: str,
        resources: Resources,
        owner: Sender | None = None,
        *,
        country: str = "",
        city: str = "",
    ) -> NodeId:
        """The sender's twin runs a node in the farm of this name, and reports with the same key."""
        accepts = None if owner is None else owner.inner
        join = partial(self.inner.join, country=country, city=city)
        return self.portal.run(partial(join, sender.inner, farm, resources, accepts))

    def run_node(self, reporter: Sender, node_id: NodeId, until: int | None = None) -> PeriodIndex:
        """Report the node's uptime until then; left out, to the end of the next whole period."""
        return self.portal.run(partial(self.inner.run_node, reporter.inner, node_id, until))


class Connection:
    """Not connected yet: `with` it the chain is blocking, `async with` it is trio's."""

    def __init__(self, url: str, chain_id: str = "", genesis: str = "") -> None:
        self._arguments = url, chain_id, genesis

    def __enter__(self) -> Chain:
        self._portal = Portal(*self._arguments)
        return Chain(self._portal, self._portal.start())

    def __exit__(self, *_fault: object) -> None:
        self._portal.stop()

    async def __aenter__(self) -> chain.Chain:
        self._context = opened(*self._arguments)
        return await self._context.__aenter__()

    async def __aexit__(self, *fault: object) -> bool | None:
        return await self._context.__aexit__(*fault)  # type: ignore[arg-type]


def connect(url: str, chain_id: str = "", genesis: str = "") -> Connection:
    """The chain of the node at `url`, connected by `with` or `async with`.

    `chain_id`: the one it must be; `genesis`: the text of its genesis file, else the node is asked.
    """
    return Connection(url, chain_id, genesis)
