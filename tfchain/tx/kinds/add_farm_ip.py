"""add_farm_ip: one more public address that a farm's nodes can give to users."""

from dataclasses import dataclass

from tfchain.base.units import FarmId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.cultivation import (
    FARM_IPS_MAX,
    NO_CONTRACT,
    FarmIp,
    FarmIps,
    GatewayText,
    IpText,
)
from tfchain.ledger.state import State
from tfchain.rules.public_ip import is_public
from tfchain.tx import capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFarmIp:
    """`ip` with its network's length, like 203.0.113.5/24; `gateway` in the same network."""

    farm_id: FarmId
    ip: IpText
    gateway: GatewayText

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`, `public_ip`, `ip_exists`, `ips_full`."""
        own_farm(state, self.farm_id, context.sender)
        if not is_public(self.ip, self.gateway):
            raise Rejected("public_ip", f"{self.ip} by {self.gateway} is no public address")
        known = capacity.ips_of(state, self.farm_id).ips
        if len(known) >= FARM_IPS_MAX:
            raise Rejected("ips_full", f"a farm has {FARM_IPS_MAX} addresses at most")
        if any(_address(one.ip) == _address(self.ip) for one in known):
            raise Rejected("ip_exists", self.ip)
        row = FarmIp(ip=self.ip, gateway=self.gateway, contract_id=NO_CONTRACT)
        tables.FARM_IPS.put(state, tables.id_key(self.farm_id), FarmIps(ips=(*known, row)))


def _address(ip: str) -> str:
    """Without the network's length: the same machine under another mask is no second address."""
    return ip.partition("/")[0]
