"""What users agree on with nodes, and what nodes tell of it, read by this program's own decoder."""

from dataclasses import dataclass

from tfchain.base.codec import Plain
from tfchain.base.units import Address
from tfchain.chain.columns.plain import int_of, list_of, resources_of, rows_of
from tfchain.ledger.records import Resources


@dataclass(frozen=True, slots=True)
class ContractMade:
    """`create_contract`, or `rent_node` for a node as a whole."""

    sender: Address
    node_id: int
    ips: int
    whole: bool


@dataclass(frozen=True, slots=True)
class UsedTold:
    """`update_used_resources`: contracts with what they use."""

    node_id: int
    contracts: tuple[tuple[int, Resources], ...]


@dataclass(frozen=True, slots=True)
class Told:
    """`report_consumption`: contracts with seconds and bytes."""

    node_id: int
    contracts: tuple[tuple[int, int, int], ...]


def read_contract(sender: Address, body: list[Plain]) -> ContractMade:
    """Node, reserved, public IPs, and of the deployment hash and data."""
    return ContractMade(sender, int_of(body[0]), int_of(body[2]), whole=False)


def read_rent(sender: Address, body: list[Plain]) -> ContractMade:
    """Node."""
    return ContractMade(sender, int_of(body[0]), 0, whole=True)


def read_used(_sender: Address, body: list[Plain]) -> UsedTold:
    """Node, signed time, contracts: version, number, resources."""
    rows = [list_of(row, 3) for row in rows_of(body[2])]
    used = tuple((int_of(row[1]), resources_of(row[2])) for row in rows)
    return UsedTold(int_of(body[0]), used)


def read_told(_sender: Address, body: list[Plain]) -> Told:
    """Node, signed time, contracts: version, number, seconds, bytes."""
    rows = [list_of(row, 4) for row in rows_of(body[2])]
    told = tuple((int_of(row[1]), int_of(row[2]), int_of(row[3])) for row in rows)
    return Told(int_of(body[0]), told)
