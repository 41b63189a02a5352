"""Entities that follow rows of the state: who there is on the grid, as existing tools ask for it.

What the ledger does not know is empty: a node has no coordinates, no interfaces and no public config
here, for nothing that is signed says them.
"""

from collections.abc import Callable
from typing import Final

from tfchain.base.address import to_text
from tfchain.base.units import NodeId
from tfchain.index.register import Register
from tfchain.index.step import Moved, Step
from tfchain.ledger import tables
from tfchain.ledger.cultivation import FarmIps
from tfchain.ledger.params import BillingRow, Params
from tfchain.ledger.proposals import PolicyTerms
from tfchain.ledger.records import Farm, Node, Policy, Twin

PRICING_POLICY: Final = 1
"""A chain has one price list for users."""
NO_POWER_YET: Final = {"power_state": None, "power_target": None}
_MUSD: Final = 1_000


def take(register: Register, step: Step) -> None:
    """Bring the entities up to the state after a block."""
    for moved in step.moved:
        follow = _FOLLOW.get(moved.tag)
        if follow is not None:
            follow(register, step, moved)


def number_of(key: bytes) -> int:
    """The id in the key of a row that has one."""
    return int.from_bytes(key[:4], "big")


# --- twins and farms ------------------------------------------------------------------------------


def _twin(register: Register, _step: Step, moved: Moved) -> None:
    twin = moved.after
    assert isinstance(twin, Twin), "no twin ever goes"
    register.put(
        "Twin",
        twin.id,
        twin_id=twin.id,
        account_id=to_text(twin.account),
        relay=twin.relay or None,
        public_key=f"0x{twin.public_key.hex()}" if twin.public_key else None,
    )


def _farm(register: Register, step: Step, moved: Moved) -> None:
    """The farm's own row, or what the others say of it."""
    key = moved.key
    farm, standing = tables.FARMS.get(step.after, key), tables.STANDINGS.get(step.after, key)
    assert isinstance(farm, Farm), "no farm ever goes"
    gold = standing is not None and standing.gold
    register.put(
        "Farm",
        farm.id,
        farm_id=farm.id,
        name=farm.name,
        twin_id=farm.twin_id,
        pricing_policy_id=PRICING_POLICY,
        certification="Gold" if gold else "NotCertified",
        stellar_address=farm.stellar_address or None,
        dedicated_farm=0,
    )


def _farm_ips(register: Register, _step: Step, moved: Moved) -> None:
    """Addresses that came, went, or changed hands."""
    farm = register.id_of("Farm", number_of(moved.key))
    assert farm is not None, "only a farm has addresses"
    before, after = (_ips(row) for row in (moved.before, moved.after))
    for ip in [ip for ip in before if ip not in after]:
        register.drop("PublicIp", f"{farm}/{ip}")
    for ip, (gateway, contract) in after.items():
        if before.get(ip) != (gateway, contract):
            number = f"{farm}/{ip}"
            register.put(
                "PublicIp", number, farm_id=farm, ip=ip, gateway=gateway, contract_id=contract
            )


def _ips(row: object) -> dict[str, tuple[str, int]]:
    if not isinstance(row, FarmIps):
        return {}
    return {one.ip: (one.gateway, one.contract_id) for one in row.ips}


# --- nodes ----------------------------------------------------------------------------------------


def _node(register: Register, step: Step, moved: Moved) -> None:
    """The node's own row, its terms, or what it is let as."""
    node = tables.NODES.need(step.after, moved.key)
    if tables.GONE.get(step.after, moved.key) is not None:
        _drop_node(register, node.id)
        return
    known = register.get("Node", node.id)
    if known is None:
        known = {**NO_POWER_YET, "uptime": None, "created_at": step.time, "updated_at": step.time}
    terms = tables.CONTRACTS.need(step.after, moved.key)
    load = tables.LOADS.get(step.after, moved.key)
    stored = moved.tag == tables.NODES.tag
    number = register.put(
        "Node",
        node.id,
        node_id=node.id,
        farm_id=node.farm_id,
        twin_id=node.twin_id,
        location_longitude="",
        location_latitude="",
        country=node.country,
        city=node.city,
        uptime=known["uptime"],
        created=node.created,
        farming_policy_id=terms.policy_id,
        certification="Certified" if node.certified else "Diy",
        secure=0,
        virtualized=node.virtualized + 0,
        serial_number=None,
        created_at=known["created_at"],
        updated_at=step.time if stored else known["updated_at"],
        connection_price=terms.connection_price,
        power_state=known["power_state"],
        power_target=known["power_target"],
        dedicated=0 if load is None else load.dedicated + 0,
        extra_fee=load.extra_fee if load is not None and load.dedicated else None,
    )
    if stored:
        _resources(register, node, number)


def _resources(register: Register, node: Node, number: str) -> None:
    has = node.resources
    register.put(
        "NodeResourcesTotal",
        node.id,
        node_id=number,
        hru=has.hru,
        sru=has.sru,
        cru=has.cru,
        mru=has.mru,
    )


def _gone(register: Register, _step: Step, moved: Moved) -> None:
    _drop_node(register, NodeId(number_of(moved.key)))


def _drop_node(register: Register, number: NodeId) -> None:
    register.drop("Node", number)
    register.drop("NodeResourcesTotal", number)


# --- prices and policies --------------------------------------------------------------------------


def _policy(register: Register, step: Step, moved: Moved) -> None:
    policy = moved.after
    assert isinstance(policy, Policy), "no policy ever goes"
    book = tables.POLICY_BOOK.get(step.after, tables.SINGLE)
    listed = () if book is None else book.terms
    terms = next((row for row in listed if row.policy_id == policy.id), None)
    register.put(
        "FarmingPolicy",
        policy.id,
        farming_policy_id=policy.id,
        name=policy.name,
        cu=policy.price_cu,
        su=policy.price_su,
        nu=policy.price_nu,
        ipv4=policy.price_ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_created=step.height,
        policy_end=0 if terms is None else terms.until,
        immutable=policy.immutable + 0,
        default=policy.default + 0,
        **_for_whom(terms),
    )


def _for_whom(terms: PolicyTerms | None) -> dict[str, str]:
    """Those of genesis are for everybody."""
    certified = terms is not None and terms.node_certified
    gold = terms is not None and terms.gold
    return {
        "node_certification": "Certified" if certified else "Diy",
        "farm_certification": "Gold" if gold else "NotCertified",
    }


def _params(register: Register, step: Step, moved: Moved) -> None:
    before, after = moved.before, moved.after
    assert isinstance(after, Params), "a chain always has its constants"
    known = before if isinstance(before, Params) else None
    if known is None or known.connection_price != after.connection_price:
        usd, milli = divmod(after.connection_price, _MUSD)
        price = f"{usd}.{milli:03}".rstrip("0").rstrip(".")
        register.note("PriceStored", new_price=price, block=step.height, timestamp=step.time)
    if after.billing is not None and (known is None or known.billing != after.billing):
        _pricing_policy(register, after.billing)


def _pricing_policy(register: Register, row: BillingRow) -> None:
    """What users pay, under the public server's names for it."""
    register.put(
        "PricingPolicy",
        PRICING_POLICY,
        pricing_policy_id=PRICING_POLICY,
        name="default",
        su_value=row.price_su,
        su_unit="Gigabytes",
        cu_value=row.price_cu,
        cu_unit="Gigabytes",
        nu_value=row.price_nu,
        nu_unit="Gigabytes",
        ipu_value=row.price_ip,
        ipu_unit="Gigabytes",
        foundation_account=to_text(row.foundation),
        certified_sales_account=to_text(row.tf_tech),
        dedicated_node_discount=(1_000 - row.rent_share) // 10,
    )


_FOLLOW: Final[dict[int, Callable[[Register, Step, Moved], None]]] = {
    tables.TWINS.tag: _twin,
    tables.FARMS.tag: _farm,
    tables.STANDINGS.tag: _farm,
    tables.FARM_IPS.tag: _farm_ips,
    tables.NODES.tag: _node,
    tables.CONTRACTS.tag: _node,
    tables.LOADS.tag: _node,
    tables.GONE.tag: _gone,
    tables.POLICIES.tag: _policy,
    tables.PARAMS.tag: _params,
}
