"""The desk's work: one period at a time is computed here from the blocks, in a thread of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.chain.audit_report import Rows
from tfchain.chain.review import Review, Reviewer
from tfchain.client.http import Client
from tfchain.client.keys import Key
from tfchain.errors import Divergence, InvalidBlock, Malformed, Rejected, Unavailable
from tfchain.node.guardian import signing
from tfchain.store.export import read_records
from tfchain.store.files import told
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.transaction import transaction_id

Name = tuple[int, int]
WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was computed, or why not, and what the guardian owes the batch."""

    name: Name
    reviewer: Reviewer | None = None
    review: Review | None = None
    due: AttestMint | CommitMint | None = None
    trouble: str = ""
    """Why nothing can be signed, or why nothing was computed."""


@dataclass(slots=True)
class Desk:
    """One guardian's. Without a key it shows everything, and signs nothing.

    `token` must stand in every form: a page of another site does not know it.
    """

    client: Client
    rows: Callable[[], Rows]
    """An empty ledger to compute on."""
    token: str
    key: Key | None = None
    looked: Looked | None = None
    going: Name | None = None
    """What is being computed."""
    height: int = 0
    """How far the computation is."""
    _wanted: "trio.MemorySendChannel[Name] | None" = field(default=None)
    _ended: trio.Event = field(default_factory=trio.Event)

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Compute what is asked for, one after the other, until cancelled."""
        self._wanted, wanted = trio.open_memory_channel[Name](0)
        task_status.started()
        async for name in wanted:
            self.going, self.height = name, 0
            try:
                self.looked = await self._look(name)
            finally:
                self.going = None
                self._ended.set()

    def want(self, name: Name) -> bool:
        """Begin to compute a period; False while another one is computed."""
        assert self._wanted is not None, "somebody serves it"
        try:
            self._wanted.send_nowait(name)
        except trio.WouldBlock:
            return False
        self.going, self._ended = name, trio.Event()
        return True

    async def wait(self) -> None:
        """Until what was begun has ended."""
        await self._ended.wait()

    async def sign(self, looked: Looked) -> str:
        """Hand in what the guardian owes; what became of it.

        Raises:
            Rejected: nothing is due, or it was refused.
            Unavailable: the validator cannot be reached.
        """
        if self.key is None or looked.reviewer is None or looked.due is None:
            raise Rejected("nothing_due", looked.trouble or "nothing can be signed here")
        raw = signing.signed(looked.reviewer, self.key, looked.due)
        await self.client.submit_one(raw)
        name = transaction_id(raw)
        found = await self.client.wait_committed(name, WITHIN_S)
        if found.code != "ok":
            raise Rejected(found.code or "unknown", f"in block {found.height}, {name.hex()}")
        self.looked = None
        return name.hex()

    async def _look(self, name: Name) -> Looked:
        try:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "chain"
                await self.client.export(path)
                compute = partial(self._compute, path, name)
                return await trio.to_thread.run_sync(compute, abandon_on_cancel=True)
        except (Unavailable, Malformed, InvalidBlock, Divergence, Rejected) as fault:
            return Looked(name=name, trouble=str(fault))

    def _compute(self, path: Path, name: Name) -> Looked:
        schedule, period = name
        reviewer = Reviewer(self.rows(), ScheduleId(schedule), PeriodIndex(period))
        with told("cannot read the blocks", path), path.open("rb") as file:
            for at, (_, kind, payload) in enumerate(read_records(file)):
                reviewer.take(kind, payload)
                self.height = at
        review = reviewer.review()
        if self.key is None:
            trouble = "This web has no guardian's key: start it with --guardian-key."
            return Looked(name=name, reviewer=reviewer, review=review, trouble=trouble)
        try:
            due = signing.due(reviewer, review, self.key)
        except Rejected as refusal:
            return Looked(name=name, reviewer=reviewer, review=review, trouble=str(refusal))
        return Looked(name=name, reviewer=reviewer, review=review, due=due)
