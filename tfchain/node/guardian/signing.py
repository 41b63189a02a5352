"""What a guardian owes a batch, by what it has looked at itself, and its signature under it."""

from tfchain.base.address import to_text
from tfchain.base.units import Utft
from tfchain.chain.receipts import receipt_id
from tfchain.chain.review import Difference, Review, Reviewer
from tfchain.client.keys import Key
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.disputes import NAMED_MAX, NamedNode
from tfchain.ledger.minting import DISPUTED, STATES
from tfchain.node.guardian import duty
from tfchain.node.guardian.duty import Mine, View
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.dispute_nodes import DisputeNodes

__all__ = ["Key", "due", "naming", "signed", "words_of"]


def due(looked: Reviewer, found: Review, owner: Key) -> AttestMint | CommitMint:
    """The commitment or the attestation that is wanting (P9).

    Raises:
        Rejected: `not_a_guardian`, or `nothing_due`: all was said, or it is not the time.
    """
    batch, mine = found.batch, found.mine
    if owner.address not in [one.guardian for one in found.said]:
        raise Rejected("not_a_guardian", f"{to_text(owner.address)} is none of this batch")
    name = batch.schedule, batch.period
    case = duty.case_of(looked.state, owner.address, name)
    assert case is not None, "its batch was looked at"
    salt = duty.salt_of(owner, found.chain_id, name)
    own = Mine(root=mine.root, total=mine.total, count=mine.count, salt=salt)
    body = duty.duty(case, owner.address, own, found.time)
    if not isinstance(body, AttestMint | CommitMint):
        raise Rejected(
            "nothing_due", f"the batch is {STATES[batch.state]}: all is said, or too early"
        )
    return body


def words_of(body: AttestMint | CommitMint) -> str:
    """What is about to be signed, for people."""
    what = "attest" if isinstance(body, AttestMint) else "commit to"
    return f"{what} the root computed here for batch {body.schedule}/{body.period}"


def naming(found: Review) -> DisputeNodes:
    """The first 64 nodes that differ, in order of id.

    Raises:
        Rejected: `not_disputed`, or `agreed`: there is no difference to name.
    """
    batch = found.batch
    if batch.state != DISPUTED:
        raise Rejected("not_disputed", f"the batch is {STATES[batch.state]}")
    named = tuple(_named(row) for row in found.differences[:NAMED_MAX])
    if not named:
        raise Rejected("agreed", "every receipt is the same here and on the ledger")
    return DisputeNodes(schedule=batch.schedule, period=batch.period, named=named)


def _named(row: Difference) -> NamedNode:
    """Where there is no receipt here, zeros stand for it."""
    if row.mine is None:
        return NamedNode(node_id=row.node_id, receipt=bytes(32), amount=Utft(0))
    receipt = receipt_id(row.mine)
    return NamedNode(node_id=row.node_id, receipt=receipt, amount=row.mine.amount)


def signed(looked: Reviewer, owner: Key, body: Kind) -> bytes:
    """The transaction, good for as long as the chain allows: papers take their time."""
    state = looked.state
    params = tables.PARAMS.need(state, tables.SINGLE)
    view = View(
        height=looked.height,
        time=looked.time,
        params=params,
        nonce=account_of(state, owner.address).nonce,
        cases=(),
    )
    return duty.signed(owner, view, body, params.expiry_max)[1]
