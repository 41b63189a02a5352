"""Twins, and what their contracts cost them."""

from collections.abc import Mapping
from fractions import Fraction
from sqlite3 import Connection, Row
from types import MappingProxyType
from typing import Final

from tfchain.base.units import UTFT_PER_TFT
from tfchain.web.proxy.contracts import EVERY_CONTRACT
from tfchain.web.proxy.listing import Filter, Listing, equal, same

HOUR_S: Final = 3600

TWIN_FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        "twin_id": equal("twin.twin_id"),
        "account_id": same("twin.account_id"),
        "relay": same("twin.relay"),
        "public_key": same("twin.public_key"),
    }
)

TWINS: Final = Listing(
    columns="twin.*",
    source="twin",
    key="twin.twin_id",
    filters=TWIN_FILTERS,
    sorts=MappingProxyType(
        {
            "twin_id": "twin.twin_id",
            "account_id": "twin.account_id",
            "relay": "twin.relay",
            "public_key": "twin.public_key",
        }
    ),
)

_BILLED: Final = (
    "(SELECT bill.{column} FROM contract_bill_report AS bill"
    " WHERE bill.contract_id = contract.contract_id"
    " ORDER BY bill.timestamp DESC, bill.id DESC LIMIT 1 OFFSET {back})"
)
_SPENT: Final = (
    "SELECT contract.state, contract.created_at"
    f", {_BILLED.format(column='amount_billed', back=0)} AS amount"
    f", {_BILLED.format(column='timestamp', back=0)} AS billed_at"
    f", {_BILLED.format(column='timestamp', back=1)} AS billed_before"
    ", (SELECT coalesce(sum(bill.amount_billed), 0) FROM contract_bill_report AS bill"
    " WHERE bill.contract_id = contract.contract_id) AS spent"
    f" FROM ({EVERY_CONTRACT}) AS contract WHERE contract.twin_id = :twin"
)


def consumption(connection: Connection, twin: int) -> tuple[Fraction, Fraction]:
    """TFT: what its live contracts cost it an hour by their last bills, and all that it ever paid."""
    rows = connection.execute(_SPENT, {"twin": twin}).fetchall()
    hourly = sum((_hourly(row) for row in rows if row["state"] != "Deleted"), Fraction())
    return hourly / UTFT_PER_TFT, Fraction(sum(row["spent"] for row in rows), UTFT_PER_TFT)


def _hourly(row: Row) -> Fraction:
    """The last bill over the hours since the one before it, or since the contract's first hour."""
    if row["billed_at"] is None:
        return Fraction()
    before = row["created_at"] if row["billed_before"] is None else row["billed_before"]
    return Fraction(row["amount"] * HOUR_S, max(row["billed_at"] - before, 1))
