"""The lines of `overview.csv`, `payouts.csv`, `receipts.jsonl` and `batches.csv`.

The first two have the layout that the public minting program writes: `overview.csv` a heading and a
line a receipt, `payouts.csv` no heading and three fields: who is paid, how much, and the receipt's
hash, which is the memo of the payment. What differs, because this ledger pays by itself:

- who is paid is the farm's account on the ledger (P16); the Stellar address stands in the overview;
- the price on connect is the node's own, which its pay was computed with;
- nothing is set aside for carbon (as in the public program since December 2024): these two are 0;
- a violation is its name and its evidence.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tfchain.base.address import to_text
from tfchain.base.units import GIB
from tfchain.chain.receipts import receipt_id, use_of
from tfchain.cli.report.settled import Settled
from tfchain.ledger.minting import STATES, Batch, Receipt
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import BOOT_REQUEST_EXPIRED, VIOLATIONS, UptimeAccount
from tfchain.rules.receipt_text import (
    CERTIFIED,
    DIY,
    Utilization,
    receipt_hash,
)
from tfchain.rules.regime import VIRTUALIZED
from tfchain.web.pages import words

OVERVIEW: Final = (
    "node id",
    "twin id",
    "farm name (farm id)",
    "period start",
    "period end",
    "measured uptime",
    "CU",
    "SU",
    "NU",
    "USD reward",
    "TFT reward",
    "TFT price on connect",
    "carbon offset USD generated",
    "carbon offset TFT generated",
    "cru",
    "cru used",
    "mru",
    "mru used",
    "hru",
    "hru used",
    "sru",
    "sru used",
    "IP used",
    "DIY state",
    "Virtualized",
    "violation",
    "stellar address",
)
BATCHES: Final = (
    "schedule",
    "period",
    "start",
    "end",
    "state",
    "receipts",
    "owed",
    "minted",
    "proof_of_capacity",
    "second_program",
    "guardians",
    "guardians_agree",
)
_FORMULAS: Final = ("=", "+", "@", "\t", "\r")
"""What a spreadsheet takes for a formula. No name on this ledger begins so; an imported one may."""
_EVIDENCE: Final = (
    "last report at",
    " with uptime",
    "; report at",
    " with uptime",
    "; in the block of",
    "; boot seen at",
    " with uptime",
)
"""What the numbers of an uptime violation are, in the order in which they are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a line of the overview says, of whatever receipt. Times in seconds, pay in units."""

    node_id: int
    twin_id: int
    farm_name: str
    farm_id: int
    start: int
    end: int
    uptime: int
    cu: int
    su: int
    nu: int
    musd: int
    amount: int
    connection_price: int
    resources: Resources
    used: Utilization
    certified: bool
    virtualized: bool
    violation: str
    stellar_address: str


def overview_line(line: Settled) -> tuple[str, ...]:
    """A line of `overview.csv`."""
    row = line.receipt
    return seen_line(
        Seen(
            node_id=row.node_id,
            twin_id=row.twin_id,
            farm_name=row.farm_name,
            farm_id=row.farm_id,
            start=row.start,
            end=row.end,
            uptime=row.uptime,
            cu=row.cu,
            su=row.su,
            nu=row.nu,
            musd=row.musd,
            amount=row.amount,
            connection_price=row.connection_price,
            resources=Resources(cru=row.cru, mru=row.mru, hru=row.hru, sru=row.sru),
            used=use_of(row),
            certified=row.certified,
            virtualized=row.reason == VIRTUALIZED,
            violation=violation(row),
            stellar_address=row.stellar_address,
        )
    )


def seen_line(seen: Seen) -> tuple[str, ...]:
    """A line of `overview.csv`, of this ledger or of another."""
    resources, used = seen.resources, seen.used
    return (
        str(seen.node_id),
        str(seen.twin_id),
        harmless(f"{seen.farm_name} ({seen.farm_id})"),
        f"{words.utc(seen.start)} UTC",
        f"{words.utc(seen.end)} UTC",
        str(seen.uptime),
        words.units(seen.cu),
        words.units(seen.su),
        words.units(seen.nu),
        f"{words.usd(seen.musd)} $",
        words.plain_tft(seen.amount),
        f"{words.usd(seen.connection_price)} $",
        "0.000 $",
        "0.0000000 TFT",
        str(resources.cru),
        f"{used.cru:.2f}%",
        gib(resources.mru),
        f"{used.mru:.2f}%",
        gib(resources.hru),
        f"{used.hru:.2f}%",
        gib(resources.sru),
        f"{used.sru:.2f}%",
        f"{used.ip:.2f} hours",
        CERTIFIED if seen.certified else DIY,
        "true" if seen.virtualized else "false",
        seen.violation,
        harmless(seen.stellar_address),
    )


def payouts_line(line: Settled, text: str) -> tuple[str, ...]:
    """A line of `payouts.csv`. `text`: the receipt's v3 text."""
    account = to_text(line.receipt.account)
    return account, words.plain_tft(line.pay), receipt_hash(text).hex()


def json_line(line: Settled, text: str) -> str:
    """A line of `receipts.jsonl`: the v3 text, its hash, and the receipt's leaf in its batch."""
    row = line.receipt
    plain = {
        "schedule": row.schedule,
        "period": row.period,
        "node_id": row.node_id,
        "receipt": text,
        "hash": receipt_hash(text).hex(),
        "leaf": receipt_id(row).hex(),
        "violation": VIOLATIONS[row.violation],
        "reason": row.reason,
        "account": to_text(row.account),
        "owed": str(row.amount),
        "pay": str(line.pay),
        "minted_in": None if line.mint is None else line.mint.height,
    }
    return json.dumps(plain) + "\n"


def violation(receipt: Receipt | UptimeAccount) -> str:
    """A violation with its evidence; empty where there is none."""
    return " | ".join(filter(None, (VIOLATIONS[receipt.violation], evidence(receipt))))


def batch_line(batch: Batch, second: bytes) -> tuple[str, ...]:
    """A line of `batches.csv`; times in seconds, amounts in units. `second`: by the second program."""
    return (
        str(batch.schedule),
        str(batch.period),
        str(batch.start),
        str(batch.end),
        STATES[batch.state],
        str(batch.count),
        str(batch.total),
        str(batch.minted),
        batch.root.hex(),
        second.hex(),
        str(len(batch.guardians)),
        str(sum(answer.agrees for answer in batch.answers)),
    )


def evidence(receipt: Receipt | UptimeAccount) -> str:
    """The numbers that a violation keeps, each with what it is; times in seconds."""
    if receipt.violation == BOOT_REQUEST_EXPIRED:
        return f"slow boots {receipt.evidence[0]}" if receipt.evidence else ""
    told = zip(_EVIDENCE, receipt.evidence, strict=False)
    return "".join(f"{what} {number}" for what, number in told)


def gib(amount: int) -> str:
    """Bytes in GiB: the shortest decimal of the double, never with an exponent."""
    text = f"{Decimal(repr(amount / GIB)):f}"
    return text.removesuffix(".0")


def harmless(text: str) -> str:
    """A field that no spreadsheet takes for a formula, nor for more than one line."""
    text = words.name(text)
    return f"'{text}" if text.startswith(_FORMULAS) else text
