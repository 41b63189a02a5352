"""The text of a v3 receipt, to the byte as the public minting program writes it (rules.md 2.4).

The text's hash is the receipt's id and the memo of its payment, so that one digit of a float is
another receipt. This is the one module below the store that may hold floats: they are made here,
from integers, and end here, as text.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias, assert_never

from tfchain.base.crypto import plain_digest
from tfchain.base.units import (
    GIB,
    FarmId,
    Millionths,
    MilliUsd,
    NodeId,
    PolicyId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.ledger.records import Resources

SHOWN_PRICE: Final = 80
"""mUSD for a TFT as every receipt shows it, whatever the node connected at."""
CERTIFIED: Final = "CERTIFIED"
DIY: Final = "DIY"

Json: TypeAlias = "int | float | str | dict[str, Json] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    musd: MilliUsd
    tft: Utft


NO_REWARD: Final = Reward(musd=MilliUsd(0), tft=Utft(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudUnits:
    cu: float
    su: float
    nu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUnits:
    """GiB, and cores as they are."""

    cru: float
    mru: float
    hru: float
    sru: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Utilization:
    """Percent of each resource, and hours of public IPs."""

    cru: float
    mru: float
    hru: float
    sru: float
    ip: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The farming policy's, in mUSD."""

    policy_id: PolicyId
    cu: int
    su: int
    nu: int
    ipv4: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReceipt:
    """Everything that a receipt says, in the order in which it says it."""

    start: Seconds
    end: Seconds
    node_id: NodeId
    twin_id: TwinId
    farm_id: FarmId
    farm_name: str
    stellar_payout_address: str
    measured_uptime: Seconds
    cloud_units: CloudUnits
    resource_units: ResourceUnits
    utilization: Utilization
    reward: Reward
    carbon_offset: Reward | None
    """Null since December 2024."""
    certified: bool
    prices: Prices | None
    """Absent before layout v3.4.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupPart:
    """One side of a fixup: what was minted, what is correct, or the difference, negative or not."""

    units: CloudUnits
    reward: Reward
    carbon_offset: Reward = NO_REWARD
    """Always told by fixups, though receipts leave it out since December 2024."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupText:
    """A receipt that was put right, in the order in which its text says it."""

    start: Seconds
    end: Seconds
    node_id: NodeId
    farm_id: FarmId
    uptimes: tuple[Seconds, Seconds] | None
    """Minted and correct; absent in fixups of before May 2024."""
    stellar_payout_address: str
    minted_receipt: bytes
    correct_receipt: bytes
    minted: FixupPart
    correct: FixupPart
    difference: FixupPart


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryText:
    """A payout that failed and is tried once more, one period later, at an address that may be new."""

    failed: tuple[Seconds, Seconds]
    """Start and end of the period whose payout failed."""
    retried: tuple[Seconds, Seconds]
    farm_id: FarmId
    previous_stellar_payout_address: str
    stellar_payout_address: str
    retry_for_receipt: bytes
    reward: Reward


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Use in a period: amount times seconds, each summed over the contracts."""

    cru: int = 0
    mru: int = 0
    hru: int = 0
    sru: int = 0
    ip_seconds: int = 0


def cloud_units(cu: Millionths, su: Millionths, nu: Millionths) -> CloudUnits:
    """Millionths as the doubles that a receipt shows."""
    return CloudUnits(cu=cu / 1_000_000.0, su=su / 1_000_000.0, nu=nu / 1_000_000.0)


def resource_units(resources: Resources) -> ResourceUnits:
    """Bytes as GiB, and cores as they are."""
    return ResourceUnits(
        cru=float(resources.cru),
        mru=float(resources.mru) / GIB,
        hru=float(resources.hru) / GIB,
        sru=float(resources.sru) / GIB,
    )


def utilization(used: Used, resources: Resources, length: Seconds) -> Utilization:
    """Mean use over the period in percent; 0 of what there is nothing of."""

    def percent(amount: int, total: int) -> float:
        return float(amount // length) * 100.0 / float(total) if total else 0.0

    return Utilization(
        cru=percent(used.cru, resources.cru),
        mru=percent(used.mru, resources.mru),
        hru=percent(used.hru, resources.hru),
        sru=percent(used.sru, resources.sru),
        ip=float(used.ip_seconds) / 3_600.0,
    )


def receipt_text(receipt: TextReceipt) -> str:
    """The exact text; compact JSON, fields in the layout's order."""
    return json_text(_minting(receipt))


def fixup_text(fixup: FixupText) -> str:
    """The exact text of a fixup receipt."""
    sides = (("minted", fixup.minted), ("correct", fixup.correct), ("fixup", fixup.difference))
    fields: dict[str, Json] = {
        "period": {"start": fixup.start, "end": fixup.end},
        "node_id": fixup.node_id,
        "farm_id": fixup.farm_id,
    }
    if fixup.uptimes is not None:
        fields |= {"minted_uptime": fixup.uptimes[0], "correct_uptime": fixup.uptimes[1]}
    fields |= {f"{name}_cloud_units": _units(side.units) for name, side in sides}
    fields |= {
        "stellar_payout_address": fixup.stellar_payout_address,
        "minted_receipt": fixup.minted_receipt.hex(),
        "correct_receipt": fixup.correct_receipt.hex(),
    }
    fields |= {f"{name}_reward": _reward(side.reward) for name, side in sides}
    fields |= {f"{name}_carbon_offset": _reward(side.carbon_offset) for name, side in sides}
    return json_text(fields)


def retry_text(retry: RetryText) -> str:
    """The exact text of a retry receipt."""
    periods = (("failed_payout_period", retry.failed), ("retry_period", retry.retried))
    fields: dict[str, Json] = {name: {"start": start, "end": end} for name, (start, end) in periods}
    fields |= {
        "farm_id": retry.farm_id,
        "previous_stellar_payout_address": retry.previous_stellar_payout_address,
        "stellar_payout_address": retry.stellar_payout_address,
        "retry_for_receipt": retry.retry_for_receipt.hex(),
        "reward": _reward(retry.reward),
    }
    return json_text(fields)


def receipt_hash(text: str) -> bytes:
    """The id of a receipt: BLAKE2b-256 over exactly its UTF-8."""
    return plain_digest(text.encode())


def _minting(receipt: TextReceipt) -> dict[str, Json]:
    units, offered, used = receipt.cloud_units, receipt.resource_units, receipt.utilization
    fields: dict[str, Json] = {
        "period": {"start": receipt.start, "end": receipt.end},
        "node_id": receipt.node_id,
        "twin_id": receipt.twin_id,
        "farm_id": receipt.farm_id,
        "farm_name": receipt.farm_name,
        "stellar_payout_address": receipt.stellar_payout_address,
        "measured_uptime": receipt.measured_uptime,
        "tft_connection_price": SHOWN_PRICE,
        "cloud_units": _units(units),
        "resource_units": _four(offered),
        "resource_utilization": {**_four(used), "ip": used.ip},
        "reward": _reward(receipt.reward),
        "carbon_offset": _reward(receipt.carbon_offset),
        "node_type": CERTIFIED if receipt.certified else DIY,
    }
    prices = receipt.prices
    if prices is not None:
        each: Json = {"cu": prices.cu, "su": prices.su, "nu": prices.nu, "ipv4": prices.ipv4}
        fields |= {"farming_policy_id": prices.policy_id, "resource_rewards": each}
    return fields


def _units(units: CloudUnits) -> Json:
    return {"cu": units.cu, "su": units.su, "nu": units.nu}


def _four(of: ResourceUnits | Utilization) -> dict[str, Json]:
    return {"cru": of.cru, "mru": of.mru, "hru": of.hru, "sru": of.sru}


def _reward(reward: Reward | None) -> Json:
    return None if reward is None else {"musd": reward.musd, "tft": reward.tft}


def json_text(value: Json) -> str:
    """Compact JSON as the public program writes it, fields in the order they come."""
    match value:
        case dict():
            return "{" + ",".join(f"{quoted(k)}:{json_text(v)}" for k, v in value.items()) + "}"
        case str():
            return quoted(value)
        case float():
            return float_text(value)
        case int():
            return str(value)
        case None:
            return "null"
        case _:
            assert_never(value)


_SHORT: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
}


def quoted(text: str) -> str:
    """JSON text with only what must be escaped escaped; the rest stays as UTF-8."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    return f"\\u{ord(letter):04x}" if letter < " " else letter


def float_text(value: float) -> str:
    """The shortest decimal that reads back the same double, laid out as Rust's ryu does.

    Plain with a point from 1e-5 up to below 1e16 (`0.0`, `12.5`), else `1e16`, `1.5e-6`, `5e-324`.
    """
    sign, digits, point = _shortest(value)
    count = len(digits)
    if count <= point <= 16:
        return f"{sign}{digits}{'0' * (point - count)}.0"
    if 0 < point <= 16:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -5 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{point - 1}"


def _shortest(value: float) -> tuple[str, str, int]:
    """Sign, digits without outer zeros and the place of the point after them: 12.5 is 125, 2."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.removeprefix("-").partition(".")
    digits = (whole + part).lstrip("0")
    point = len(digits) - len(part) + int(exponent or "0")
    digits = digits.rstrip("0")
    return (sign, digits, point) if digits else (sign, "0", 1)
