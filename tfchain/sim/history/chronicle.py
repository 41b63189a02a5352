"""What befell whom in a chain, for people: told by its blocks and rows, so that no story claims more.

Every line stands once, on the day of the block that did it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from tfchain.base.units import MS_PER_S, UTFT_PER_TFT, NodeId
from tfchain.ledger import tables
from tfchain.ledger.measures import (
    ApproveBatch,
    CertifyNode,
    FixReceipt,
    FlagFraud,
    Measure,
    PolicyOffer,
    SetPrice,
    VoidBatch,
)
from tfchain.ledger.minting import Batch, MintEntry, Receipt
from tfchain.rules.regime import FREE, LOCKS, MUST_REGISTER, VIOLATION, VOID
from tfchain.rules.schedule import REGIMES
from tfchain.sim.history.diary import Chain, fixed_node, taken
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.renew_contract import RenewContract

FOR_GOOD = (VOID, MUST_REGISTER)


def chronicle(chain: Chain) -> list[str]:
    """Lines like `2020-08-17  voted: a TFT is 60 mUSD`."""
    teller, lines = _Teller(chain), list[str]()
    for block, codes in chain.blocks:
        when = datetime.fromtimestamp(block.header.time // MS_PER_S, UTC).strftime("%Y-%m-%d")
        for _, body in taken(block, codes):
            lines += [f"{when}  {told}" for told in teller.hear(body)]
    return lines


class _Teller:
    """Remembers whose coins are locked, and what it has told."""

    def __init__(self, chain: Chain) -> None:
        self._state = chain.state
        self._shut: dict[NodeId, bool] = {}
        """By node: whether something of it is locked."""
        self._told: dict[str, None] = {}

    def hear(self, body: object) -> Iterator[str]:
        """What is worth telling of one transaction."""
        match body:
            case Enact():
                yield f"voted: {_decided(body.measure)}"
            case RenewContract():
                price = tables.CONTRACTS.need(self._state, tables.id_key(body.node_id))
                yield f"node {body.node_id} registers anew, at {price.connection_price} mUSD"
            case DeleteNode():
                yield f"node {body.node_id} is deleted"
            case ReleaseLock():
                self._shut[body.node_id] = False
                yield f"what node {body.node_id} had locked comes free: somebody asked in time"
            case DisputeNodes():
                nodes = ", ".join(str(named.node_id) for named in body.named)
                yield f"a guardian names node {nodes} in batch {body.schedule}/{body.period}"
            case Mint():
                yield from self._minted(body)
            case MintFixup():
                for entry in body.entries:
                    place = f"batch {entry.schedule}/{entry.period}"
                    yield f"node {entry.node_id} gets {_tft(entry.amount)} more for {place}"
            case _:
                pass

    def _minted(self, mint: Mint) -> Iterator[str]:
        name = tables.batch_key(mint.schedule, mint.period)
        batch = tables.BATCHES.need(self._state, name)
        yield from self._once(self._delay(batch))
        for entry in mint.entries:
            place = tables.in_batch(name, entry.node_id)
            receipt = tables.RECEIPTS.need(self._state, place)
            yield from self._once(f"{REGIMES[receipt.regime].name} pays" if entry.amount else "")
            yield from self._locked(entry, receipt)
            yield from self._unpaid(receipt)
            if deduction := tables.DEDUCTIONS.get(self._state, place):
                yield f"node {entry.node_id} pays {_tft(deduction.amount)} of its debt"

    def _delay(self, batch: Batch) -> str:
        """Guardians came to an answer only after their time was over."""
        params = tables.PARAMS.need(self._state, tables.SINGLE)
        approved = batch.pay_at - params.schedule(batch.schedule).payout_delay
        late = batch.attest_until > 0 and approved >= batch.attest_until
        return f"batch {batch.schedule}/{batch.period} is paid after a dispute" if late else ""

    def _locked(self, entry: MintEntry, receipt: Receipt) -> Iterator[str]:
        node = entry.node_id
        if entry.lock == FREE and self._shut.get(node):
            self._shut[node] = False
            yield f"what node {node} had locked comes free: {self._why(receipt)}"
        elif LOCKS[entry.lock].startswith("until") and entry.amount:
            if self._shut.get(node) is False:
                yield f"what node {node} is paid is locked again"
            self._shut[node] = True

    def _why(self, receipt: Receipt) -> str:
        key = tables.id_key(receipt.node_id)
        kind = REGIMES[receipt.regime]
        numbers = tables.OWN_TERMS.need(self._state, key).numbers
        age = kind.lock_age(numbers)
        if age is not None:
            first = tables.FIRST_REPORTS.need(self._state, key)
            return "it is old enough" if receipt.end - first.at >= age else "it is used"
        return "it is certified" if receipt.certified else "it is used"

    def _unpaid(self, receipt: Receipt) -> Iterator[str]:
        node = receipt.node_id
        if receipt.reason in FOR_GOOD:
            yield from self._once(f"node {node} is paid no more: {receipt.reason}")
        elif receipt.reason == VIOLATION:
            yield f"node {node} is paid nothing: it lied about its uptime"

    def _once(self, line: str) -> Iterator[str]:
        if line and line not in self._told:
            self._told[line] = None
            yield line


def _decided(measure: Measure) -> str:
    match measure:
        case SetPrice():
            return f"a TFT is {measure.price} mUSD"
        case PolicyOffer():
            return f"policy {measure.name}"
        case CertifyNode():
            return f"node {measure.node_id} is certified"
        case FlagFraud():
            return f"node {measure.node_id} is a fraud"
        case ApproveBatch() | VoidBatch() | FixReceipt():
            return f"batch {measure.schedule}/{measure.period}, {_ruled(measure)}"
        case _:
            return type(measure).__name__


def _ruled(measure: ApproveBatch | VoidBatch | FixReceipt) -> str:
    match measure:
        case ApproveBatch():
            return f"without node {', '.join(map(str, measure.without))}"
        case VoidBatch():
            return "is void"
        case FixReceipt():
            return f"node {fixed_node(measure)}: {_tft(measure.amount)} is right"


def _tft(amount: int) -> str:
    return f"{amount // UTFT_PER_TFT}.{amount % UTFT_PER_TFT:07d}"
