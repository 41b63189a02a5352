"""Contracts of all three types as one table, and their bills."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tfchain.web.proxy.listing import (
    GIVEN,
    LOWER,
    Filter,
    Listing,
    at_least,
    equal,
    same,
)
from tfchain.web.proxy.parameters import number, text, words

EVERY_CONTRACT: Final = (
    "SELECT contract_id, twin_id, state, created_at, '' AS name, node_id, deployment_data,"
    " deployment_hash, number_of_public_i_ps AS ips, 'node' AS type FROM node_contract"
    " UNION ALL SELECT contract_id, twin_id, state, created_at, '', node_id, '', '', 0, 'rent'"
    " FROM rent_contract"
    " UNION ALL SELECT contract_id, twin_id, state, created_at, name, 0, '', '', 0, 'name'"
    " FROM name_contract"
)

_FARM: Final = "farm JOIN node ON node.farm_id = farm.farm_id WHERE node.node_id = contract.node_id"

CONTRACT_FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        "contract_id": equal("contract.contract_id"),
        "twin_id": equal("contract.twin_id"),
        "node_id": equal("contract.node_id"),
        "type": same("contract.type"),
        "state": Filter(
            read=words, sql=f"lower(contract.state) IN (SELECT value FROM json_each({GIVEN}))"
        ),
        "name": same("contract.name"),
        "number_of_public_ips": at_least("contract.ips"),
        "deployment_data": same("contract.deployment_data"),
        "deployment_hash": same("contract.deployment_hash"),
        "farm_name": Filter(
            read=text,
            sql=f"EXISTS (SELECT 1 FROM {_FARM} AND {LOWER}(farm.name) = {LOWER}({GIVEN}))",
        ),
        "farm_id": Filter(
            read=number, sql=f"EXISTS (SELECT 1 FROM {_FARM} AND farm.farm_id = {GIVEN})"
        ),
    }
)

CONTRACTS: Final = Listing(
    columns="contract.*"
    f", (SELECT farm.name FROM {_FARM}) AS farm_name"
    f", (SELECT farm.farm_id FROM {_FARM}) AS farm_number",
    source=f"({EVERY_CONTRACT}) AS contract",
    key="contract.contract_id",
    filters=CONTRACT_FILTERS,
    sorts=MappingProxyType(
        {
            "contract_id": "contract.contract_id",
            "twin_id": "contract.twin_id",
            "type": "contract.type",
            "state": "contract.state",
            "created_at": "contract.created_at",
        }
    ),
)

BILLS: Final = Listing(
    columns="bill.*",
    source="contract_bill_report AS bill",
    key="bill.timestamp DESC, bill.id DESC",
    filters=MappingProxyType({"contract_id": equal("bill.contract_id")}),
    sorts={},
)
"""The latest first. Which contract's is in the path, and read from there."""
