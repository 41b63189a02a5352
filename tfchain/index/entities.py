"""The entities that existing TFGrid tools can ask for: the one table that all about them comes from.

From it come the read model's SQL tables, the GraphQL schema with its filters and orders, and the
reference. Names are those of the public server; an entity's own `id` is in every one of them, and
is not listed. A row here is one line: what it is called, what it holds, what it leads to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Sort = Literal["scalar", "enum", "object", "link", "back", "backs"]
"""`object`: kept inside the row. `link`: the row holds the other's id. `back`, `backs`: the other one,
or the others, that hold this row's id."""

SCALARS: Final = ("ID", "String", "Int", "BigInt", "BigDecimal", "Boolean")

ENUMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "PowerState": ("Up", "Down"),
        "Power": ("Up", "Down"),
        "FarmCertification": ("NotCertified", "Gold"),
        "NodeCertification": ("Diy", "Certified"),
        "ContractState": ("Created", "Deleted", "OutOfFunds", "GracePeriod"),
        "DiscountLevel": ("None", "Default", "Bronze", "Silver", "Gold"),
        "ServiceContractState": ("Created", "AgreementReady", "ApprovedByBoth"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an entity or an object."""

    name: str
    type: str
    sort: Sort = "scalar"
    required: bool = False
    many: bool = False
    """A list; each of its members is there."""
    unique: bool = False
    """No two rows hold the same: the other side of a `back`."""
    by: str = ""
    """For `back` and `backs`: the other entity's field that holds this row's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """What has an id of its own, and so a table; or an object, which stands inside a row."""

    name: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """The field of that name; a `KeyError` is a bug of ours."""
        found = {one.name: one for one in self.fields}
        return found[name]


def _field(name: str, said: str) -> Field:
    """A field from its line: `Int!`, `Farm! link`, `[PublicIp!] backs farm`, `Node! link unique`."""
    kind, _, rest = said.partition(" ")
    words = rest.split()
    plain = kind.strip("[]!")
    sort: Sort = "scalar" if plain in SCALARS else "enum" if plain in ENUMS else "object"
    by = ""
    match words:
        case ["link", *_]:
            sort = "link"
        case ["back", by]:
            sort = "back"
        case ["backs", by]:
            sort = "backs"
        case _:
            assert not words, said
    return Field(
        name=name,
        type=plain,
        sort=sort,
        required=kind.endswith("!"),
        many=kind.startswith("["),
        unique="unique" in words,
        by=by,
    )


def _entity(name: str, /, **fields: str) -> Entity:
    return Entity(name=name, fields=tuple(_field(one, said) for one, said in fields.items()))


def _named(*rows: Entity) -> Mapping[str, Entity]:
    return MappingProxyType({row.name: row for row in rows})


OBJECTS: Final = _named(
    _entity("NodePower", state="PowerState!", target="Power!"),
    _entity("Location", longitude="String!", latitude="String!"),
    _entity("Policy", value="Int", unit="String"),
    _entity("Provider", who="String!", take="Int!"),
)
"""What stands inside a row of an entity, under no id."""

ENTITIES: Final = _named(
    _entity(
        "Entity",
        gridVersion="Int!",
        entityID="Int!",
        name="String!",
        country="String",
        city="String",
        accountID="String!",
    ),
    _entity(
        "Twin",
        gridVersion="Int!",
        twinID="Int!",
        accountID="String!",
        relay="String",
        publicKey="String",
    ),
    _entity(
        "EntityProof",
        entityID="Int!",
        signature="String!",
        twinRel="Twin! link",
    ),
    _entity(
        "Farm",
        gridVersion="Int!",
        farmID="Int!",
        name="String!",
        twinID="Int!",
        pricingPolicyID="Int!",
        certification="FarmCertification",
        publicIPs="[PublicIp!] backs farm",
        stellarAddress="String",
        dedicatedFarm="Boolean",
    ),
    _entity(
        "PublicIp",
        farm="Farm! link",
        gateway="String!",
        ip="String!",
        contractId="BigInt!",
    ),
    _entity(
        "Node",
        gridVersion="Int!",
        nodeID="Int!",
        farmID="Int!",
        twinID="Int!",
        location="Location!",
        country="String",
        city="String",
        publicConfig="PublicConfig back node",
        resourcesTotal="NodeResourcesTotal back node",
        uptime="BigInt",
        created="Int!",
        farmingPolicyId="Int!",
        interfaces="[Interfaces!] backs node",
        certification="NodeCertification",
        secure="Boolean",
        virtualized="Boolean",
        serialNumber="String",
        createdAt="BigInt!",
        updatedAt="BigInt!",
        connectionPrice="Int",
        power="NodePower",
        dedicated="Boolean!",
        extraFee="BigInt",
    ),
    _entity(
        "NodeResourcesTotal",
        node="Node! link unique",
        hru="BigInt!",
        sru="BigInt!",
        cru="BigInt!",
        mru="BigInt!",
    ),
    _entity(
        "Interfaces",
        node="Node! link",
        name="String!",
        mac="String!",
        ips="String!",
    ),
    _entity(
        "PublicConfig",
        node="Node! link unique",
        ipv4="String",
        ipv6="String",
        gw4="String",
        gw6="String",
        domain="String",
    ),
    _entity(
        "PricingPolicy",
        gridVersion="Int!",
        pricingPolicyID="Int!",
        name="String!",
        su="Policy!",
        cu="Policy!",
        nu="Policy!",
        ipu="Policy!",
        foundationAccount="String!",
        certifiedSalesAccount="String!",
        dedicatedNodeDiscount="Int!",
    ),
    _entity(
        "Country",
        countryID="Int!",
        code="String!",
        name="String!",
        region="String!",
        subregion="String!",
        lat="String",
        long="String",
    ),
    _entity(
        "City",
        cityID="Int!",
        countryID="Int!",
        name="String!",
    ),
    _entity(
        "NodeContract",
        gridVersion="Int!",
        contractID="BigInt!",
        twinID="Int!",
        nodeID="Int!",
        deploymentData="String!",
        deploymentHash="String!",
        numberOfPublicIPs="Int!",
        state="ContractState!",
        resourcesUsed="ContractResources link",
        createdAt="BigInt!",
        solutionProviderID="Int",
    ),
    _entity(
        "ContractResources",
        contract="NodeContract! link",
        hru="BigInt!",
        sru="BigInt!",
        cru="BigInt!",
        mru="BigInt!",
    ),
    _entity(
        "NameContract",
        gridVersion="Int!",
        contractID="BigInt!",
        twinID="Int!",
        name="String!",
        state="ContractState!",
        createdAt="BigInt!",
        solutionProviderID="Int",
    ),
    _entity(
        "RentContract",
        gridVersion="Int!",
        contractID="BigInt!",
        twinID="Int!",
        nodeID="Int!",
        state="ContractState!",
        createdAt="BigInt!",
        solutionProviderID="Int",
    ),
    _entity(
        "SolutionProvider",
        solutionProviderID="BigInt!",
        description="String!",
        link="String!",
        approved="Boolean!",
        providers="[Provider]",
    ),
    _entity(
        "NruConsumption",
        contractID="BigInt!",
        timestamp="BigInt!",
        window="BigInt",
        nru="BigInt",
    ),
    _entity(
        "ContractBillReport",
        contractID="BigInt!",
        discountReceived="DiscountLevel!",
        amountBilled="BigInt!",
        timestamp="BigInt!",
    ),
    _entity(
        "FarmingPolicy",
        gridVersion="Int!",
        farmingPolicyID="Int!",
        name="String",
        cu="Int",
        su="Int",
        nu="Int",
        ipv4="Int",
        minimalUptime="Int",
        policyCreated="Int",
        policyEnd="Int",
        immutable="Boolean",
        default="Boolean",
        nodeCertification="NodeCertification",
        farmCertification="FarmCertification",
    ),
    _entity(
        "UptimeEvent",
        nodeID="Int!",
        uptime="BigInt!",
        timestamp="BigInt!",
    ),
    _entity(
        "MintTransaction",
        amount="BigInt!",
        target="String!",
        block="Int!",
    ),
    _entity(
        "BurnTransaction",
        block="Int!",
        amount="BigInt!",
        target="String!",
    ),
    _entity(
        "RefundTransaction",
        block="Int!",
        amount="BigInt!",
        target="String!",
        txHash="String!",
    ),
    _entity(
        "ServiceContract",
        serviceContractID="BigInt!",
        serviceTwinID="Int!",
        consumerTwinID="Int!",
        baseFee="BigInt!",
        variableFee="BigInt!",
        metadata="String!",
        acceptedByService="Boolean!",
        acceptedByConsumer="Boolean!",
        lastBill="BigInt!",
        state="ServiceContractState!",
    ),
    _entity(
        "ServiceContractBill",
        serviceContractID="BigInt!",
        variableAmount="BigInt!",
        window="BigInt!",
        metadata="String",
        amount="BigInt!",
    ),
    _entity(
        "PowerTargetReport",
        farmID="Int!",
        nodeID="Int!",
        newPowerTarget="Power!",
        block="Int!",
        timestamp="BigInt!",
    ),
    _entity(
        "PowerStateReport",
        farmID="Int!",
        nodeID="Int!",
        newPowerState="PowerState!",
        block="Int!",
        timestamp="BigInt!",
    ),
    _entity(
        "PriceStored",
        newPrice="BigDecimal!",
        block="Int!",
        timestamp="BigInt!",
    ),
    _entity(
        "AveragePriceStored",
        newAveragePrice="BigDecimal!",
        block="Int!",
        timestamp="BigInt!",
    ),
)
"""What has a table of its own."""
