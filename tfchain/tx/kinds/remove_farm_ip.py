"""remove_farm_ip: a farm gives up a public address that nobody has."""

from dataclasses import dataclass

from tfchain.base.units import FarmId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.cultivation import NO_CONTRACT, FarmIps, IpText
from tfchain.ledger.state import State
from tfchain.tx import capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFarmIp:
    """`ip` as it was added."""

    farm_id: FarmId
    ip: IpText

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_farm`, `not_the_owner`, `unknown_ip`, `ip_taken`."""
        own_farm(state, self.farm_id, context.sender)
        known = capacity.ips_of(state, self.farm_id).ips
        found = [one for one in known if one.ip == self.ip]
        if not found:
            raise Rejected("unknown_ip", self.ip)
        if found[0].contract_id != NO_CONTRACT:
            raise Rejected("ip_taken", f"contract {found[0].contract_id} has it")
        left = tuple(one for one in known if one.ip != self.ip)
        tables.FARM_IPS.put(state, tables.id_key(self.farm_id), FarmIps(ips=left))
