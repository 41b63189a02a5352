"""The v3 texts of receipts, also of those put right, for their hashes: the one file here with floats.

The public program printed doubles with the shortest digits that read back the same; those digits
are part of what is hashed (rules.md 2.4).
"""

import json
from dataclasses import dataclass

from tfchain.base.crypto import plain_digest
from tfchain.ledger.disputes import Sums
from tfchain.ledger.minting import Receipt
from tfchain.ledger.records import Resources

CONNECTION_PRICE = 80
"""Printed on every v3 receipt, whatever the node connected at."""
MILLION = 1_000_000.0
HOUR = 3_600.0
GIB = 1_073_741_824.0
_ENCODER = json.JSONEncoder(ensure_ascii=False)
PLAIN_LEAST = 1e-5
PLAIN_BELOW = 1e16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a text says, in its order."""

    period: tuple[int, int]
    """Start and end."""
    ids: tuple[int, int, int]
    """Node, twin, farm."""
    farm: tuple[str, str]
    """Name and address, as JSON quotes them."""
    uptime: int
    units: tuple[int, int, int]
    """CU, SU and NU, in millionths."""
    size: Resources
    used: tuple[int, int, int, int]
    """Mean use of cores, memory, disk and flash."""
    ip_seconds: int
    reward: tuple[int, int]
    """mUSD, units of TFT."""
    certified: bool
    policy: tuple[int, int, int, int, int]
    """Its number, and its prices of CU, SU, NU and IPv4."""


def text_of(receipt: Receipt) -> str:
    """The v3 text of a ledger receipt."""
    used = receipt.in_use
    return shown_text(
        Shown(
            period=(receipt.start, receipt.end),
            ids=(receipt.node_id, receipt.twin_id, receipt.farm_id),
            farm=(quoted(receipt.farm_name), quoted(receipt.stellar_address)),
            uptime=receipt.uptime,
            units=(receipt.cu, receipt.su, receipt.nu),
            size=Resources(cru=receipt.cru, mru=receipt.mru, hru=receipt.hru, sru=receipt.sru),
            used=(used.cru, used.mru, used.hru, used.sru),
            ip_seconds=receipt.ip_seconds,
            reward=(receipt.musd, receipt.amount),
            certified=receipt.certified,
            policy=(
                receipt.policy_id,
                receipt.price_cu,
                receipt.price_su,
                receipt.price_nu,
                receipt.price_ipv4,
            ),
        )
    )


def shown_text(shown: Shown) -> str:
    """Compact JSON in the order of the public program, without a byte too many."""
    (start, end), (node, twin, farm), (name, address) = shown.period, shown.ids, shown.farm
    (musd, tft), (policy, *prices) = shown.reward, shown.policy
    cu, su, nu, ipv4 = prices
    kind = "CERTIFIED" if shown.certified else "DIY"
    return (
        f'{{"period":{{"start":{start},"end":{end}}},"node_id":{node},"twin_id":{twin},'
        f'"farm_id":{farm},"farm_name":{name},"stellar_payout_address":{address},'
        f'"measured_uptime":{shown.uptime},"tft_connection_price":{CONNECTION_PRICE},'
        f"{_capacity(shown.units, shown.size)},{_utilization(shown)},"
        f'"reward":{{"musd":{musd},"tft":{tft}}},"carbon_offset":null,"node_type":"{kind}",'
        f'"farming_policy_id":{policy},'
        f'"resource_rewards":{{"cu":{cu},"su":{su},"nu":{nu},"ipv4":{ipv4}}}}}'
    )


def quoted(text: str) -> str:
    """Text as JSON has it, with only what must be escaped escaped."""
    return _ENCODER.encode(text)


def memo_of(receipt: Receipt, minted: tuple[Sums, bytes], correct: tuple[Sums, bytes]) -> bytes:
    """The hash of a fixup's text: what was minted, what is right, each with its receipt's hash."""
    (had, old), (due, new) = minted, correct
    more = due.cu - had.cu, due.su - had.su, due.nu - had.nu
    text = (
        f'{{"period":{{"start":{receipt.start},"end":{receipt.end}}},"node_id":{receipt.node_id},'
        f'"farm_id":{receipt.farm_id},"minted_uptime":{had.uptime},"correct_uptime":{due.uptime},'
        f'"minted_cloud_units":{_units(had.cu, had.su, had.nu)},'
        f'"correct_cloud_units":{_units(due.cu, due.su, due.nu)},"fixup_cloud_units":{_units(*more)},'
        f'"stellar_payout_address":{quoted(receipt.stellar_address)},'
        f'"minted_receipt":"{old.hex()}","correct_receipt":"{new.hex()}",'
        f'"minted_reward":{_reward(had.musd, had.amount)},'
        f'"correct_reward":{_reward(due.musd, due.amount)},'
        f'"fixup_reward":{_reward(due.musd - had.musd, due.amount - had.amount)},'
        f'"minted_carbon_offset":{_reward(0, 0)},"correct_carbon_offset":{_reward(0, 0)},'
        f'"fixup_carbon_offset":{_reward(0, 0)}}}'
    )
    return plain_digest(text.encode())


def _reward(musd: int, amount: int) -> str:
    return f'{{"musd":{musd},"tft":{amount}}}'


def _units(cu: int, su: int, nu: int) -> str:
    return f'{{"cu":{_signed(cu)},"su":{_signed(su)},"nu":{_signed(nu)}}}'


def _signed(millionths: int) -> str:
    """A difference may be below 0."""
    text = _double(abs(millionths) / MILLION)
    return f"-{text}" if millionths < 0 else text


def _capacity(units: tuple[int, int, int], size: Resources) -> str:
    cu, su, nu = units
    return (
        f'"cloud_units":{{"cu":{_double(cu / MILLION)},"su":{_double(su / MILLION)},'
        f'"nu":{_double(nu / MILLION)}}},'
        f'"resource_units":{{"cru":{_double(float(size.cru))},"mru":{_double(size.mru / GIB)},'
        f'"hru":{_double(size.hru / GIB)},"sru":{_double(size.sru / GIB)}}}'
    )


def _utilization(shown: Shown) -> str:
    size, (cru, mru, hru, sru) = shown.size, shown.used
    return (
        f'"resource_utilization":{{"cru":{_percent(cru, size.cru)},"mru":{_percent(mru, size.mru)},'
        f'"hru":{_percent(hru, size.hru)},"sru":{_percent(sru, size.sru)},'
        f'"ip":{_double(shown.ip_seconds / HOUR)}}}'
    )


def _percent(part: int, whole: int) -> str:
    """Of what there is; 0 of nothing."""
    return _double(float(part) * 100.0 / float(whole)) if part and whole else "0.0"


def _double(value: float) -> str:
    """Shortest digits as Rust's ryu lays them out; `value` is not negative.

    Python finds the same digits but turns to an exponent below 1e-4 and writes it with a sign and
    two digits.
    """
    text = str(value)
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")
    if PLAIN_LEAST <= value < PLAIN_BELOW:
        return "0.0000" + digits.replace(".", "")
    return f"{digits}e{int(exponent)}"
