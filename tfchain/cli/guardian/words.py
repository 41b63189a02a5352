"""A review for people, line by line, and for scripts."""

from collections.abc import Iterator

from tfchain.base.address import to_text
from tfchain.chain.receipts import receipt_id
from tfchain.chain.review import Difference, Moved, Review, Said, Sum, differing
from tfchain.cli.audit import tft
from tfchain.ledger.minting import COMMIT, SEALED, STATES, Receipt
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.node.answers import Json
from tfchain.rules.schedule import REGIMES

SHOWN_MAX = 200
"""Lines of one kind for people; --json has all of them."""


def plain_of(review: Review) -> dict[str, Json]:
    """The review for scripts. Amounts are strings."""
    batch, mine = review.batch, review.mine
    return {
        "chain_id": review.chain_id,
        "height": review.height,
        "batch": {
            "schedule": batch.schedule,
            "period": batch.period,
            "start": batch.start,
            "end": batch.end,
            "state": STATES[batch.state],
            "payable": str(batch.payable),
            "minted": str(batch.minted),
        },
        "computed_here": _side(mine.root, mine.total, mine.count),
        "ledger": _side(batch.root, batch.total, batch.count) if batch.root else None,
        "agrees": review.agrees if batch.root else None,
        "guardians": [_said(one) for one in review.said],
        "totals": _sum(review.now),
        "last_period": review.last,
        "last_totals": _sum(review.before),
        "regimes": [
            {"regime": regime_name(row.regime), "now": _sum(row.now), "last": _sum(row.before)}
            for row in review.regimes
        ],
        "largest": [_paid(one) for one in review.largest],
        "violations": [_violation(one) for one in review.violations],
        "moved_by_half": [_moved(one) for one in review.moved],
        "differences": [_difference(one) for one in review.differences],
        "ruling": _ruling(review),
        "supply": {
            "before": str(review.supply.before),
            "after": str(review.supply.after),
            "cap": str(review.supply.cap),
        },
    }


def regime_name(number: int) -> str:
    """A regime as genesis files call it."""
    return REGIMES[number].name


def _side(root: bytes, total: int, count: int) -> Json:
    return {"root": root.hex(), "total": str(total), "count": count}


def _said(one: Said) -> Json:
    said = one.attestation
    return {
        "guardian": to_text(one.guardian),
        "committed": one.committed,
        "attested": None if said is None else _side(said.root, said.total, said.count),
        "agrees": None if said is None else one.agrees,
        "late": one.late,
        "named": [
            {
                "node_id": node.node_id,
                "receipt": node.receipt.hex(),
                "amount": str(node.amount),
            }
            for node in one.named
        ],
    }


def _sum(of: Sum) -> Json:
    return {
        "nodes": of.nodes,
        "paid": of.paid,
        "musd": str(of.musd),
        "amount": str(of.amount),
    }


def _paid(receipt: Receipt) -> Json:
    return {
        "node_id": receipt.node_id,
        "farm_id": receipt.farm_id,
        "amount": str(receipt.amount),
        "receipt": receipt_id(receipt).hex(),
    }


def _violation(receipt: Receipt) -> Json:
    return {
        "node_id": receipt.node_id,
        "farm_id": receipt.farm_id,
        "violation": VIOLATIONS[receipt.violation],
        "evidence": [str(number) for number in receipt.evidence],
    }


def _moved(row: Moved) -> Json:
    return {
        "node_id": row.node_id,
        "farm_id": row.farm_id,
        "last": str(row.before),
        "now": str(row.now),
    }


def _difference(row: Difference) -> Json:
    return {
        "node_id": row.node_id,
        "computed_here": None if row.mine is None else _paid(row.mine),
        "ledger": None if row.ledger is None else _paid(row.ledger),
        "fields": [*differing(row)],
    }


def _ruling(review: Review) -> Json:
    found = review.ruling
    if found is None:
        return None
    return {"proposal": found.proposal, "void": found.void, "without": [*found.without]}


def lines_of(review: Review) -> Iterator[str]:
    """The review for people."""
    batch, now = review.batch, review.now
    yield (
        f"period {batch.schedule}/{batch.period} of {review.chain_id}: {STATES[batch.state]},"
        f" at block {review.height}"
    )
    yield f"computed here  {review.mine.root.hex()}"
    yield from _ledger_lines(review)
    for one in review.said:
        yield f"guardian       {_said_line(review, one)}"
    yield f"totals         {now.nodes} nodes, {now.paid} paid, {tft(now.amount)}"
    yield f"last period    {_change(review)}"
    for row in review.regimes:
        yield (
            f"regime         {regime_name(row.regime)}: {row.now.nodes} nodes,"
            f" {row.now.paid} paid, {tft(row.now.amount)} (last {tft(row.before.amount)})"
        )
    supply = review.supply
    yield (
        f"supply         {tft(supply.before)} before, {tft(supply.after)} after,"
        f" at most {tft(supply.cap)}"
    )
    yield from _lists(review)


def _ledger_lines(review: Review) -> Iterator[str]:
    batch = review.batch
    if not batch.root:
        yield "ledger         not sealed yet: it has shown no root"
        return
    verdict = "equal" if review.agrees else "NOT EQUAL"
    yield f"ledger         {batch.root.hex()}: {verdict}"
    ruling = review.ruling
    if ruling is not None and ruling.void:
        yield f"ruling         void, by proposal {ruling.proposal}: nothing is paid"
    elif ruling is not None:
        left = ", ".join(str(node) for node in ruling.without) or "none"
        yield f"ruling         approved by proposal {ruling.proposal}, left out: {left}"


def _said_line(review: Review, one: Said) -> str:
    who, said = to_text(one.guardian), one.attestation
    if said is None:
        known = "has committed" if one.committed else "has said nothing"
        return f"{who} {known if review.batch.state >= COMMIT else 'is not asked yet'}"
    verdict = "as the ledger" if one.agrees else "DIFFERS"
    late = ", late" if one.late else ""
    named = ", ".join(str(node.node_id) for node in one.named)
    return f"{who} {said.root.hex()} {verdict}{late}" + (f", names {named}" if named else "")


def _change(review: Review) -> str:
    if review.last is None:
        return "there is none"
    before, now = review.before, review.now
    sign = "-" if now.amount < before.amount else "+"
    return (
        f"{review.last}: {before.nodes} nodes, {before.paid} paid, {tft(before.amount)};"
        f" now {sign}{tft(abs(now.amount - before.amount))}"
    )


def _lists(review: Review) -> Iterator[str]:
    yield from _listed("largest", [_paid_line(one) for one in review.largest])
    yield from _listed("violations", [_violation_line(one) for one in review.violations])
    yield from _listed("moved by half", [_moved_line(row) for row in review.moved])
    if review.batch.state >= SEALED:
        yield from _listed("differences", [_difference_line(row) for row in review.differences])


def _listed(title: str, lines: list[str]) -> Iterator[str]:
    yield f"{title}: {len(lines) or 'none'}"
    yield from (f"  {line}" for line in lines[:SHOWN_MAX])
    if len(lines) > SHOWN_MAX:
        yield f"  and {len(lines) - SHOWN_MAX} more: --json has them"


def _paid_line(receipt: Receipt) -> str:
    return f"node {receipt.node_id} of farm {receipt.farm_id}: {tft(receipt.amount)}"


def _violation_line(receipt: Receipt) -> str:
    evidence = ", ".join(str(number) for number in receipt.evidence)
    what = VIOLATIONS[receipt.violation]
    return f"node {receipt.node_id} of farm {receipt.farm_id}: {what}: {evidence}"


def _moved_line(row: Moved) -> str:
    return f"node {row.node_id} of farm {row.farm_id}: {tft(row.before)} before, {tft(row.now)} now"


def _difference_line(row: Difference) -> str:
    mine = "no receipt" if row.mine is None else _brief(row.mine)
    ledger = "no receipt" if row.ledger is None else _brief(row.ledger)
    where = f" ({', '.join(differing(row))})" if differing(row) else ""
    return f"node {row.node_id}: here {mine}; the ledger {ledger}{where}"


def _brief(receipt: Receipt) -> str:
    return f"{receipt.uptime} s, {tft(receipt.amount)}"
