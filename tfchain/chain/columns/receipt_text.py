"""The v3 text of a ledger receipt, for its hash alone: the one place of this program with floats.

The public program printed doubles with the shortest digits that read back the same; those digits
are part of what is hashed (rules.md 2.4).
"""

import json

from tfchain.ledger.minting import Receipt

CONNECTION_PRICE = 80
"""Printed on every v3 receipt, whatever the node connected at."""
MILLION = 1_000_000.0
HOUR = 3_600.0
GIB = 1_073_741_824.0
PLAIN_LEAST = 1e-5
PLAIN_BELOW = 1e16


def text_of(receipt: Receipt) -> str:
    """Compact JSON in the order of the public program, without a byte too many."""
    units = _object(
        cu=_double(receipt.cu / MILLION),
        su=_double(receipt.su / MILLION),
        nu=_double(receipt.nu / MILLION),
    )
    resources = _object(
        cru=_double(float(receipt.cru)),
        mru=_double(receipt.mru / GIB),
        hru=_double(receipt.hru / GIB),
        sru=_double(receipt.sru / GIB),
    )
    had = _object(
        cru=_percent(receipt.in_use.cru, receipt.cru),
        mru=_percent(receipt.in_use.mru, receipt.mru),
        hru=_percent(receipt.in_use.hru, receipt.hru),
        sru=_percent(receipt.in_use.sru, receipt.sru),
        ip=_double(receipt.ip_seconds / HOUR),
    )
    return _object(
        period=_object(start=str(receipt.start), end=str(receipt.end)),
        node_id=str(receipt.node_id),
        twin_id=str(receipt.twin_id),
        farm_id=str(receipt.farm_id),
        farm_name=json.dumps(receipt.farm_name, ensure_ascii=False),
        stellar_payout_address=json.dumps(receipt.stellar_address, ensure_ascii=False),
        measured_uptime=str(receipt.uptime),
        tft_connection_price=str(CONNECTION_PRICE),
        cloud_units=units,
        resource_units=resources,
        resource_utilization=had,
        reward=_object(musd=str(receipt.musd), tft=str(receipt.amount)),
        carbon_offset="null",
        node_type='"CERTIFIED"' if receipt.certified else '"DIY"',
        farming_policy_id=str(receipt.policy_id),
        resource_rewards=_object(
            cu=str(receipt.price_cu),
            su=str(receipt.price_su),
            nu=str(receipt.price_nu),
            ipv4=str(receipt.price_ipv4),
        ),
    )


def _object(**fields: str) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"


def _percent(part: int, whole: int) -> str:
    """Of what there is; 0 of nothing."""
    return _double(float(part) * 100.0 / float(whole)) if whole else "0.0"


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
