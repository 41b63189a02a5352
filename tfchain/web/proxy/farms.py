"""Farms, and the addresses that they lend."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tfchain.web.proxy.listing import (
    GIVEN,
    Filter,
    Listing,
    alike,
    any_of,
    at_least,
    equal,
    holding,
    holds,
    same,
)
from tfchain.web.proxy.nodes import NODE_FILTERS, NODES_SOURCE
from tfchain.web.proxy.parameters import flag

_IPS: Final = "FROM public_ip WHERE public_ip.farm_id = owned.id"
_TOTAL_IPS: Final = f"(SELECT count(*) {_IPS})"
_FREE_IPS: Final = f"(SELECT count(*) {_IPS} AND public_ip.contract_id = 0)"
_DEDICATED: Final = "coalesce(owned.dedicated_farm, 0)"

_NODES_OF_FARM: Final = Listing(
    columns="node.node_id",
    source=NODES_SOURCE,
    key="node.node_id",
    always="node.farm_id = owned.farm_id",
    filters=MappingProxyType(
        {
            "node_free_mru": NODE_FILTERS["free_mru"],
            "node_free_hru": NODE_FILTERS["free_hru"],
            "node_free_sru": NODE_FILTERS["free_sru"],
            "node_total_cru": NODE_FILTERS["total_cru"],
            "node_status": NODE_FILTERS["status"],
            "node_rented_by": NODE_FILTERS["rented_by"],
            "node_available_for": NODE_FILTERS["available_for"],
            "node_has_gpu": Filter(read=flag, sql=f"FALSE = {GIVEN}"),
            "node_has_ipv6": NODE_FILTERS["has_ipv6"],
            "node_features": NODE_FILTERS["features"],
            "node_certified": holds("coalesce(node.certification, '') = 'Certified'"),
            "country": NODE_FILTERS["country"],
            "region": NODE_FILTERS["region"],
        }
    ),
    sorts={},
)

FARM_FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        "free_ips": at_least(_FREE_IPS),
        "total_ips": at_least(_TOTAL_IPS),
        "stellar_address": same("owned.stellar_address"),
        "pricing_policy_id": equal("owned.pricing_policy_id"),
        "farm_id": equal("owned.farm_id"),
        "twin_id": equal("owned.twin_id"),
        "name": alike("owned.name"),
        "name_contains": holding("owned.name"),
        "certification_type": same("owned.certification"),
        "dedicated": holds(_DEDICATED),
    }
)

FARMS: Final = Listing(
    columns="owned.*,"
    " (SELECT json_group_array(json_object('id', id, 'ip', ip, 'gateway', gateway,"
    " 'contract_id', contract_id))"
    f" FROM (SELECT public_ip.* {_IPS} ORDER BY public_ip.id)) AS public_ips",
    source="farm AS owned",
    key="owned.farm_id",
    filters=FARM_FILTERS,
    sorts=MappingProxyType(
        {
            "name": "owned.name",
            "farm_id": "owned.farm_id",
            "twin_id": "owned.twin_id",
            "dedicated": _DEDICATED,
            "public_ips": _TOTAL_IPS,
            "free_ips": _FREE_IPS,
            "total_ips": _TOTAL_IPS,
            "used_ips": f"({_TOTAL_IPS} - {_FREE_IPS})",
        }
    ),
    inner=_NODES_OF_FARM,
)

PUBLIC_IPS: Final = Listing(
    columns="public_ip.*, owned.farm_id AS farm_number",
    source="public_ip LEFT JOIN farm AS owned ON owned.id = public_ip.farm_id",
    key="public_ip.id",
    filters=MappingProxyType(
        {
            "farm_ids": any_of("owned.farm_id"),
            "free": holds("public_ip.contract_id = 0"),
            "ip": same("public_ip.ip"),
            "gateway": same("public_ip.gateway"),
        }
    ),
    sorts=MappingProxyType(
        {
            "ip": "public_ip.ip",
            "contract_id": "public_ip.contract_id",
            "farm_id": "owned.farm_id",
        }
    ),
)
