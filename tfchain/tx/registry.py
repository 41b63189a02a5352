"""The kinds, one row each. A number is in every transaction of its kind, and never moves."""

from typing import Final, TypeGuard

from tfchain.base.shapes import layout
from tfchain.errors import Malformed
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.enact import Enact
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.remove_farm_ip import RemoveFarmIp
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import ReportConsumption
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.rotate_reporter import RotateReporter
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_change import VoteChange
from tfchain.tx.kinds.vote_proposal import VoteProposal
from tfchain.tx.transaction import Transaction

KINDS: Final[dict[int, type[Kind]]] = {
    0: Mint,
    1: CreateTwin,
    2: CreateFarm,
    3: SetPayoutAccount,
    4: SetStellarAddress,
    5: RegisterNode,
    6: UpdateNode,
    7: ReportUptime,
    8: SetPowerTarget,
    9: SetPowerState,
    10: Transfer,
    11: CommitMint,
    12: AttestMint,
    13: ProposeValidator,
    14: ProposePower,
    15: ProposeConstant,
    16: ProposeUpgrade,
    17: VoteChange,
    18: LeaveValidators,
    19: Propose,
    20: VoteProposal,
    21: VoteAsGuardian,
    22: VetoProposal,
    23: Enact,
    24: RotateReporter,
    25: OfferFarm,
    26: AcceptFarm,
    27: OfferTwin,
    28: AcceptTwin,
    29: MoveNode,
    40: SetFarmPool,
    41: DeleteNode,
    42: RenewContract,
    43: ReleaseLock,
    50: CreateContract,
    51: UpdateContract,
    52: CancelContract,
    53: UpdateUsedResources,
    54: ReportConsumption,
    55: RentNode,
    56: SetDedicated,
    57: AddFarmIp,
    58: RemoveFarmIp,
    70: MintFixup,
    71: DisputeNodes,
}
NUMBERS: Final = {kind: number for number, kind in KINDS.items()}
_FREE: Final = frozenset(kind for kind in KINDS.values() if issubclass(kind, FreeKind))

FREE_NUMBERS: Final = frozenset(number for number, kind in KINDS.items() if kind in _FREE)


def name_of(number: int) -> str:
    """A kind's name as people write it: that of its file, like `report_uptime`."""
    return KINDS[number].__module__.rpartition(".")[2]


BY_NAME: Final = {name_of(number): number for number in KINDS}


def open_body(transaction: Transaction) -> Kind:
    """The kind's own record from a transaction's body.

    Raises:
        Malformed: an unknown kind, or fields that do not fit it.
    """
    kind = KINDS.get(transaction.envelope.kind)
    if kind is None:
        raise Malformed(f"unknown kind {transaction.envelope.kind}")
    return layout(kind).unpack(transaction.body)


def is_free(body: Kind) -> TypeGuard[FreeKind]:
    """Whether a body is of a free kind.

    Decided once for each kind: to ask a protocol about each body takes longer than to decode it.
    """
    return type(body) in _FREE
