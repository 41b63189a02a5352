"""Endpoints about people and machines: accounts, twins, farms, nodes, contracts."""

from typing import Final, TypeVar

from tfchain.base.units import U32_MAX
from tfchain.ledger import tables
from tfchain.ledger.proposals import FarmStanding
from tfchain.ledger.state import Table
from tfchain.ledger.terms import OwnTerms
from tfchain.web.api import ledger, lists, told
from tfchain.web.api.endpoint import Endpoint, Read, listed
from tfchain.web.api.lists import named
from tfchain.web.api.parameters import Account, Number
from tfchain.web.api.schemas import ANYTHING, TEXT, record_of

R = TypeVar("R")

ID: Final = named("id", Number(0, U32_MAX), "its number")


def row(path: str, tag: str, summary: str, table: Table[R]) -> Endpoint:
    """A row with a dense id."""
    return Endpoint(
        path=path,
        tag=tag,
        summary=summary,
        does=Read(question=ledger.row_at(table, ledger.by_id)),
        answer=record_of(table.record),
        parameters=(ID,),
        finds=True,
    )


ACCOUNTS: Final = (
    listed("/v1/accounts", "accounts", "Accounts, by address", lists.ACCOUNTS),
    Endpoint(
        path="/v1/accounts/{address}",
        tag="accounts",
        summary="What is free, locked and until when or on what, and staked",
        does=Read(question=ledger.account),
        answer=told.ACCOUNT,
        parameters=(named("address", Account(), "its address"),),
    ),
    listed(
        "/v1/accounts/{account}/transactions",
        "accounts",
        "Transactions that the account sent, or is named in, the newest first",
        lists.TRANSACTIONS_OF_ACCOUNT,
    ),
)
FARMS: Final = (
    listed("/v1/twins", "farms", "Twins", lists.TWINS),
    row("/v1/twins/{id}", "farms", "A twin: whose it is, and its relay", tables.TWINS),
    listed("/v1/farms", "farms", "Farms", lists.FARMS),
    row("/v1/farms/{id}", "farms", "A farm", tables.FARMS),
    Endpoint(
        path="/v1/farms/{id}/standing",
        tag="farms",
        summary="What the others say of a farm: certification, frauds, the policy attached to it",
        does=Read(question=ledger.standing),
        answer=record_of(FarmStanding),
        parameters=(ID,),
        finds=True,
    ),
)
NODES: Final = (
    listed("/v1/nodes", "nodes", "Nodes", lists.NODES),
    row("/v1/nodes/{id}", "nodes", "A farmer's node", tables.NODES),
    row(
        "/v1/nodes/{id}/contract",
        "nodes",
        "The terms that a node registered under: policy, price, units",
        tables.CONTRACTS,
    ),
    Endpoint(
        path="/v1/nodes/{id}/terms",
        tag="nodes",
        summary="What a node's regime froze of its own, by name",
        does=Read(question=ledger.own_terms),
        answer=record_of(
            OwnTerms, ("numbers", "regime", "pool"), regime=TEXT, pool=TEXT, numbers=ANYTHING
        ),
        parameters=(ID,),
        finds=True,
    ),
    row("/v1/nodes/{id}/uptime", "nodes", "A node's uptime accounts and power", tables.UPTIMES),
    row(
        "/v1/nodes/{id}/progress",
        "nodes",
        "How many periods a node missed, and was used in, in a row",
        tables.PROGRESS,
    ),
    listed(
        "/v1/nodes/{node_id}/transactions",
        "nodes",
        "Transactions that name a node, the newest first",
        lists.TRANSACTIONS_OF_NODE,
    ),
    listed(
        "/v1/nodes/{node_id}/reports",
        "nodes",
        "What each report and sleep did to a node's account, the newest first",
        lists.LINES,
    ),
    listed(
        "/v1/nodes/{node_id}/statement/{start}",
        "nodes",
        "The lines of the node's period that starts then, in their order",
        lists.STATEMENT,
    ),
    listed(
        "/v1/nodes/{node_id}/receipts",
        "nodes",
        "A node's receipts, the newest first",
        lists.RECEIPTS_OF_NODE,
    ),
)
CONTRACTS: Final = (
    listed("/v1/contracts", "contracts", "What users have of nodes", lists.CONTRACTS),
    row("/v1/contracts/{id}", "contracts", "What a user has of a node", tables.CAPACITY),
)
