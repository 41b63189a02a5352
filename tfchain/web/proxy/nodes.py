"""Nodes and gateways: what is known of a node beside its own row, said in SQL, and its filters.

What a node keeps for itself counts as used, as the public server counts it: a tenth of the memory, 2
GiB at least, and 20 GiB of SSD.
"""

from collections.abc import Mapping
from dataclasses import replace
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
    filled,
    holding,
    holds,
    none_of,
)
from tfchain.web.proxy.parameters import decimal, features, flag, number, statuses, text

UP_S: Final = 80 * 60
"""A node reports every 40 minutes; one that missed two reports is down."""
STANDBY_S: Final = 24 * 60 * 60
"""A node that sleeps wakes once a day to report."""
OWN_MRU_MIN: Final = 2 * 1024**3
OWN_SRU: Final = 20 * 1024**3
GIB: Final = 1024**3

NODES_SOURCE: Final = (
    "node"
    " LEFT JOIN node_resources_total AS total ON total.node_id = node.id"
    " LEFT JOIN public_config AS config ON config.node_id = node.id"
    " LEFT JOIN farm ON farm.farm_id = node.farm_id"
)

_ON: Final = "(node.power_state IS NULL OR (node.power_state = 'Up' AND node.power_target = 'Up'))"
STATUS: Final = (
    f"(CASE WHEN {_ON} AND node.updated_at >= :now - {UP_S} THEN 'up'"
    f" WHEN NOT {_ON} AND node.updated_at >= :now - {STANDBY_S} THEN 'standby' ELSE 'down' END)"
)
_STATUS_PLACE: Final = f"(CASE {STATUS} WHEN 'up' THEN 1 WHEN 'standby' THEN 2 ELSE 3 END)"

_LIVE: Final = "state IN ('Created', 'GracePeriod')"
"""A contract in either state holds what it reserved."""
_CONTRACTS: Final = f"FROM node_contract AS held WHERE held.node_id = node.node_id AND held.{_LIVE}"
CONTRACTS_COUNT: Final = f"(SELECT count(*) {_CONTRACTS})"
LAST_CONTRACT: Final = f"(SELECT max(held.created_at) {_CONTRACTS})"
LENT_IPS: Final = f"(SELECT coalesce(sum(held.number_of_public_i_ps), 0) {_CONTRACTS})"
_RENT: Final = (
    f"FROM rent_contract AS rent WHERE rent.node_id = node.node_id AND rent.{_LIVE}"
    " ORDER BY rent.contract_id LIMIT 1"
)
RENTER: Final = f"(SELECT rent.twin_id {_RENT})"
RENT_CONTRACT: Final = f"(SELECT rent.contract_id {_RENT})"
_FREE_IPS: Final = (
    "(SELECT count(*) FROM public_ip"
    " WHERE public_ip.farm_id = farm.id AND public_ip.contract_id = 0)"
)
_DEDICATED_FARM: Final = "coalesce(farm.dedicated_farm, 0)"
_WHOLE: Final = f"({_DEDICATED_FARM} OR {CONTRACTS_COUNT} = 0)"
RENTED: Final = f"({RENTER} IS NOT NULL)"
RENTABLE: Final = f"({_WHOLE} AND {RENTER} IS NULL)"
DEDICATED: Final = f"({_WHOLE} OR {RENTED} OR coalesce(node.extra_fee, 0) > 0)"
_RENTED_BY: Final = f"coalesce({RENTER}, 0) = {GIVEN}"
_AVAILABLE: Final = (
    f"{_RENTED_BY} OR ({RENTER} IS NULL AND NOT {_DEDICATED_FARM}"
    " AND coalesce(node.extra_fee, 0) = 0)"
)


def _total(unit: str) -> str:
    return f"coalesce(total.{unit}, 0)"


def _sum(unit: str) -> str:
    """What the node's contracts use; they were held to what the node has when they said so."""
    return (
        f"(SELECT coalesce(sum(part.{unit}), 0) FROM node_contract AS held"
        " JOIN contract_resources AS part ON part.id = held.resources_used_id"
        f" WHERE held.node_id = node.node_id AND held.{_LIVE})"
    )


OWN_MRU: Final = f"max(({_total('mru')} + 5) / 10, {OWN_MRU_MIN})"
"""To the nearest byte: so PostgreSQL makes a whole number of a tenth."""
_USED: Final = {
    "cru": _sum("cru"),
    "sru": f"({_sum('sru')} + {OWN_SRU})",
    "hru": _sum("hru"),
    "mru": f"({_sum('mru')} + {OWN_MRU})",
}


def _free(unit: str) -> str:
    return f"({_total(unit)} - {_USED[unit]})"


# Price of the whole node for 30 days in USD, as the public server reckons it from the farm's pricing
# policy (units a tenth of a millionth of a USD an hour): 25 % more if certified, less for who could
# pay for months.
_MRU: Final = f"({_total('mru')} * 1.0 / {GIB})"
_CRU: Final = f"({_total('cru')} * 1.0)"
_CU: Final = (
    f"min(max({_MRU} / 4, {_CRU} / 2), max({_MRU} / 8, {_CRU}), max({_MRU} / 2, {_CRU} / 4))"
)
_SU: Final = f"({_total('hru')} / {1200.0 * GIB} + {_total('sru')} / {200.0 * GIB})"
_COST: Final = (
    f"(SELECT ({_CU} * policy.cu_value + {_SU} * policy.su_value + coalesce(node.extra_fee, 0))"
    " * (CASE node.certification WHEN 'Certified' THEN 1.25 ELSE 1 END) * 720 / 10000000"
    " FROM pricing_policy AS policy"
    " WHERE policy.pricing_policy_id = max(farm.pricing_policy_id, 1))"
)
PRICE: Final = (
    "(SELECT cost.usd * (CASE WHEN :balance >= cost.usd * 18 THEN 0.4"
    " WHEN :balance >= cost.usd * 6 THEN 0.6 WHEN :balance >= cost.usd * 3 THEN 0.7"
    " WHEN :balance >= cost.usd * 1.5 THEN 0.8 ELSE 1.0 END)"
    f" FROM (SELECT coalesce({_COST}, 0.0) AS usd) AS cost)"
)

COLUMNS: Final = ", ".join(
    (
        "node.*, farm.name AS farm_name, config.domain, config.gw4, config.gw6, config.ipv4",
        "config.ipv6",
        *(f"{_total(unit)} AS total_{unit}" for unit in _USED),
        *(f"{sql} AS used_{unit}" for unit, sql in _USED.items()),
        f"{STATUS} AS status, {DEDICATED} AS dedicated_now, {_DEDICATED_FARM} AS dedicated_farm",
        f"{RENT_CONTRACT} AS rent_contract, {RENTER} AS renter, {RENTABLE} AS rentable",
        f"{_FREE_IPS} AS farm_free_ips, {PRICE} AS price_usd",
    )
)

_UNKNOWN: Final = "FALSE"
"""Nodes report nothing of this to the ledger: like the public server of a node that never answered
it, none passes."""

NODE_FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        "status": Filter(read=statuses, sql=f"{STATUS} IN (SELECT value FROM json_each({GIVEN}))"),
        "free_mru": at_least(_free("mru")),
        "free_hru": at_least(_free("hru")),
        "free_sru": at_least(_free("sru")),
        "total_mru": at_least(_total("mru")),
        "total_hru": at_least(_total("hru")),
        "total_sru": at_least(_total("sru")),
        "total_cru": at_least(_total("cru")),
        "country": alike("node.country"),
        "country_contains": holding("node.country"),
        "city": alike("node.city"),
        "city_contains": holding("node.city"),
        "region": Filter(
            read=text,
            sql="EXISTS (SELECT 1 FROM country WHERE country.name = node.country"
            f" AND {holding('country.region').sql})",
        ),
        "farm_name": alike("farm.name"),
        "farm_name_contains": holding("farm.name"),
        "farm_ids": any_of("node.farm_id"),
        "free_ips": at_least(_FREE_IPS),
        "ipv4": filled("config.ipv4"),
        "ipv6": filled("config.ipv6"),
        "domain": filled("config.domain"),
        "dedicated": holds(DEDICATED),
        "in_dedicated_farm": holds(_DEDICATED_FARM),
        "rentable": holds(RENTABLE),
        "owned_by": equal("farm.twin_id"),
        "rented": holds(RENTED),
        "rented_by": Filter(read=number, sql=_RENTED_BY),
        "rentable_or_rented_by": Filter(
            read=number, sql=f"{RENTABLE} OR {_RENTED_BY}", first=RENTED
        ),
        "available_for": Filter(read=number, sql=_AVAILABLE, first=RENTED),
        "node_id": equal("node.node_id"),
        "node_ids": any_of("node.node_id"),
        "excluded": none_of("node.node_id"),
        "twin_id": equal("node.twin_id"),
        "certification_type": alike("node.certification"),
        "has_gpu": Filter(read=flag, sql=_UNKNOWN),
        "num_gpu": Filter(read=number, sql=f"0 >= {GIVEN}"),
        "gpu_device_id": Filter(read=text, sql=_UNKNOWN),
        "gpu_device_name": Filter(read=text, sql=_UNKNOWN),
        "gpu_vendor_id": Filter(read=text, sql=_UNKNOWN),
        "gpu_vendor_name": Filter(read=text, sql=_UNKNOWN),
        "gpu_available": Filter(read=flag, sql=_UNKNOWN),
        "healthy": Filter(read=flag, sql=_UNKNOWN),
        "has_ipv6": holds("FALSE"),
        "features": Filter(read=features, sql=_UNKNOWN),
        "price_min": Filter(read=decimal, sql=f"{PRICE} >= {GIVEN}"),
        "price_max": Filter(read=decimal, sql=f"{PRICE} <= {GIVEN}"),
    }
)

NODE_SORTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "node_id": "node.node_id",
        "farm_id": "node.farm_id",
        "twin_id": "node.twin_id",
        "country": "node.country",
        "city": "node.city",
        "uptime": "node.uptime",
        "created": "node.created",
        "updated_at": "node.updated_at",
        "status": _STATUS_PLACE,
        "dedicated_farm": _DEDICATED_FARM,
        "rent_contract_id": RENT_CONTRACT,
        "rented": RENTED,
        "rentable": RENTABLE,
        "num_gpu": "''",  # the same of all
        "extra_fee": "node.extra_fee",
        "price_usd": PRICE,
        "free_cru": _free("cru"),
        **{f"total_{unit}": _total(unit) for unit in _USED},
        **{f"used_{unit}": sql for unit, sql in _USED.items()},
    }
)

NODES: Final = Listing(
    columns=COLUMNS,
    source=NODES_SOURCE,
    key="node.node_id",
    filters=NODE_FILTERS,
    sorts=NODE_SORTS,
)
GATEWAYS: Final = replace(NODES, always=filled("config.domain").sql.replace(GIVEN, "TRUE"))
"""A gateway is a node with a public domain."""
