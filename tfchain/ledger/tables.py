"""Every table, once. A tag is a number in keys and in the state root's order, and never moves."""

from typing import Final

from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    TwinId,
)
from tfchain.ledger.changes import Agenda, Change, Upgrade
from tfchain.ledger.cultivation import (
    Billing,
    CapacityContract,
    CapacityRef,
    Consumption,
    FarmIps,
    Load,
)
from tfchain.ledger.disputes import (
    Debt,
    Deduction,
    Dispute,
    Fixup,
    FixupBook,
    FixupRef,
    Ruling,
)
from tfchain.ledger.gaps import Gaps
from tfchain.ledger.minting import Attestation, Batch, Commitment, MintRecord, Receipt
from tfchain.ledger.params import Params
from tfchain.ledger.proposals import (
    Docket,
    Electorates,
    FarmStanding,
    FarmVote,
    FarmWeight,
    FraudMark,
    Offer,
    PolicyBook,
    Proposal,
    RuleValue,
)
from tfchain.ledger.records import (
    Account,
    Contract,
    Farm,
    FarmRef,
    Guardians,
    KeptKey,
    KeptRow,
    Node,
    NodeRef,
    Policy,
    ScheduleState,
    Totals,
    Twin,
    TwinRef,
    Uptime,
)
from tfchain.ledger.seats import Members, Past, Roster, Seat
from tfchain.ledger.state import Table
from tfchain.ledger.terms import (
    FarmPool,
    FirstReport,
    Former,
    Gone,
    Holding,
    HoldingAt,
    Lock,
    OwnTerms,
    Progress,
    Supply,
)
from tfchain.ledger.uptime import UptimeAccount

SINGLE: Final = b""
"""Key of the only row of a table that has one."""

ACCOUNTS: Final = Table(tag=1, name="accounts", record=Account)
TWINS: Final = Table(tag=2, name="twins", record=Twin)
TWIN_OF: Final = Table(tag=3, name="twin_of", record=TwinRef)
FARMS: Final = Table(tag=4, name="farms", record=Farm)
FARM_NAMED: Final = Table(tag=5, name="farm_named", record=FarmRef)
NODES: Final = Table(tag=6, name="nodes", record=Node)
NODE_OF: Final = Table(tag=7, name="node_of", record=NodeRef)
CONTRACTS: Final = Table(tag=8, name="contracts", record=Contract)
UPTIMES: Final = Table(tag=9, name="uptimes", record=Uptime)
POLICIES: Final = Table(tag=10, name="policies", record=Policy)
BATCHES: Final = Table(tag=11, name="batches", record=Batch)
KEPT: Final = Table(tag=12, name="kept", record=KeptRow)
KEPT_KEYS: Final = Table(tag=13, name="kept_keys", record=KeptKey)
COMMITMENTS: Final = Table(tag=14, name="commitments", record=Commitment)
ATTESTATIONS: Final = Table(tag=15, name="attestations", record=Attestation)
TOTALS: Final = Table(tag=16, name="totals", record=Totals)
GUARDIANS: Final = Table(tag=17, name="guardians", record=Guardians)
PARAMS: Final = Table(tag=18, name="params", record=Params)
SCHEDULES: Final = Table(tag=19, name="schedules", record=ScheduleState)
SEATS: Final = Table(tag=20, name="seats", record=Seat)
MEMBERS: Final = Table(tag=21, name="members", record=Members)
PAST: Final = Table(tag=22, name="past", record=Past)
ROSTER: Final = Table(tag=23, name="roster", record=Roster)
CHANGES: Final = Table(tag=24, name="changes", record=Change)
AGENDA: Final = Table(tag=25, name="agenda", record=Agenda)
UPGRADE: Final = Table(tag=26, name="upgrade", record=Upgrade)
PROPOSALS: Final = Table(tag=27, name="proposals", record=Proposal)
VOTES: Final = Table(tag=28, name="votes", record=FarmVote)
OFFERS: Final = Table(tag=29, name="offers", record=Offer)
DOCKET: Final = Table(tag=30, name="docket", record=Docket)
POLICY_BOOK: Final = Table(tag=31, name="policy_book", record=PolicyBook)
RECEIPTS: Final = Table(tag=32, name="receipts", record=Receipt, archive=True)
MINTS: Final = Table(tag=33, name="mints", record=MintRecord, archive=True)
WEIGHTS: Final = Table(tag=34, name="weights", record=FarmWeight)
ELECTORATES: Final = Table(tag=35, name="electorates", record=Electorates)
STANDINGS: Final = Table(tag=36, name="standings", record=FarmStanding)
FRAUDS: Final = Table(tag=37, name="frauds", record=FraudMark)
RULES: Final = Table(tag=38, name="rules", record=RuleValue)
GAPS: Final = Table(tag=39, name="gaps", record=Gaps)
OWN_TERMS: Final = Table(tag=40, name="own_terms", record=OwnTerms)
FORMER: Final = Table(tag=41, name="former", record=Former)
PROGRESS: Final = Table(tag=42, name="progress", record=Progress)
FIRST_REPORTS: Final = Table(tag=43, name="first_reports", record=FirstReport)
OWN_ENDED: Final = Table(tag=44, name="own_ended", record=UptimeAccount)
GONE: Final = Table(tag=45, name="gone", record=Gone)
FARM_POOLS: Final = Table(tag=47, name="farm_pools", record=FarmPool)
SUPPLIES: Final = Table(tag=49, name="supplies", record=Supply)
LOCKS: Final = Table(tag=50, name="locks", record=Lock)
HOLDINGS: Final = Table(tag=51, name="holdings", record=Holding)
HOLDINGS_AT: Final = Table(tag=52, name="holdings_at", record=HoldingAt)
BILLING: Final = Table(tag=53, name="billing", record=Billing)
CAPACITY: Final = Table(tag=54, name="capacity", record=CapacityContract)
BILL_QUEUE: Final = Table(tag=55, name="bill_queue", record=CapacityRef)
LOADS: Final = Table(tag=56, name="loads", record=Load)
DEPLOYED: Final = Table(tag=57, name="deployed", record=CapacityRef)
FARM_IPS: Final = Table(tag=58, name="farm_ips", record=FarmIps)
CONSUMED: Final = Table(tag=59, name="consumed", record=Consumption)
DISPUTES: Final = Table(tag=70, name="disputes", record=Dispute)
RULINGS: Final = Table(tag=71, name="rulings", record=Ruling)
FIXUPS: Final = Table(tag=72, name="fixups", record=Fixup)
FIXUP_BOOK: Final = Table(tag=73, name="fixup_book", record=FixupBook)
FIXED: Final = Table(tag=74, name="fixed", record=FixupRef)
DEBTS: Final = Table(tag=75, name="debts", record=Debt)
DEDUCTIONS: Final = Table(tag=76, name="deductions", record=Deduction)

TABLES: Final = (
    ACCOUNTS,
    TWINS,
    TWIN_OF,
    FARMS,
    FARM_NAMED,
    NODES,
    NODE_OF,
    CONTRACTS,
    UPTIMES,
    POLICIES,
    BATCHES,
    KEPT,
    KEPT_KEYS,
    COMMITMENTS,
    ATTESTATIONS,
    TOTALS,
    GUARDIANS,
    PARAMS,
    SCHEDULES,
    SEATS,
    MEMBERS,
    PAST,
    ROSTER,
    CHANGES,
    AGENDA,
    UPGRADE,
    PROPOSALS,
    VOTES,
    OFFERS,
    DOCKET,
    POLICY_BOOK,
    RECEIPTS,
    MINTS,
    WEIGHTS,
    ELECTORATES,
    STANDINGS,
    FRAUDS,
    RULES,
    GAPS,
    OWN_TERMS,
    FORMER,
    PROGRESS,
    FIRST_REPORTS,
    OWN_ENDED,
    GONE,
    FARM_POOLS,
    SUPPLIES,
    LOCKS,
    HOLDINGS,
    HOLDINGS_AT,
    BILLING,
    CAPACITY,
    BILL_QUEUE,
    LOADS,
    DEPLOYED,
    FARM_IPS,
    CONSUMED,
    DISPUTES,
    RULINGS,
    FIXUPS,
    FIXUP_BOOK,
    FIXED,
    DEBTS,
    DEDUCTIONS,
)
BY_TAG: Final = {table.tag: table for table in TABLES}
IN_TREE: Final = tuple(table for table in TABLES if not table.archive)


def id_key(number: TwinId | FarmId | NodeId | int) -> bytes:
    """Key of a row with a dense id: 4 bytes, big-endian."""
    return number.to_bytes(4, "big")


def height_key(number: Height | int) -> bytes:
    """Key of a row of a height, or of a run of them: 8 bytes, big-endian."""
    return number.to_bytes(8, "big")


def batch_key(schedule: ScheduleId, period: PeriodIndex) -> bytes:
    """Key of a batch: 1 + 4 bytes, so that batches sort by schedule, then period."""
    return schedule.to_bytes(1, "big") + period.to_bytes(4, "big")


def schedule_key(schedule: ScheduleId) -> bytes:
    """Key of a schedule's state."""
    return schedule.to_bytes(1, "big")


def in_batch(batch: bytes, number: int) -> bytes:
    """Key of the row of a batch that belongs to a node or a place in a list."""
    return batch + number.to_bytes(4, "big")


def of_guardian(batch: bytes, guardian: Address) -> bytes:
    """Key of what a guardian said of a batch."""
    return batch + guardian


def of_account(account: Address, place: int) -> bytes:
    """Key of a place in an account's list."""
    return account + place.to_bytes(4, "big")


def own_key(node: bytes, start: Seconds) -> bytes:
    """Key of what is kept of a node's own period that starts then."""
    return node + start.to_bytes(8, "big")


def deployed_key(node_id: NodeId, deployment: bytes) -> bytes:
    """Key of a deployment's hash on a node."""
    return id_key(node_id) + deployment


def kept_key(batch: bytes, tag: int, key: bytes) -> bytes:
    """Key of a row that a batch keeps as it was."""
    return batch + bytes([tag]) + key


def of_twin(twin_id: TwinId) -> bytes:
    """Key of a row about a twin, in a table that others have rows in too."""
    return b"t" + id_key(twin_id)


def of_farm(farm_id: FarmId) -> bytes:
    """Key of a row about a farm, in a table that others have rows in too."""
    return b"f" + id_key(farm_id)


def of_node(node_id: NodeId) -> bytes:
    """Key of a row about a node, in a table that others have rows in too."""
    return b"n" + id_key(node_id)
