"""report_uptime: a node says how long it has been up. Free; touches one row (P2, P25)."""

from dataclasses import dataclass
from typing import Final

from tfchain.base.shapes import U64, changing
from tfchain.base.units import NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.records import Uptime
from tfchain.ledger.state import State
from tfchain.ledger.terms import FirstReport
from tfchain.ledger.uptime import UptimeAccount
from tfchain.tx import running
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, reported_row


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportUptime:
    """`t`: the node's clock when it signed, in seconds; `uptime`: seconds since it booted."""

    node_id: NodeId
    t: Seconds
    uptime: U64

    def space(self, state: State, context: Context) -> None:
        """Refused with `unknown_node`, `not_the_reporter`, `report_time`, `report_order`."""
        row = reported_row(state, self.node_id, context.sender)
        if abs(self.t - context.time) > context.params.uptime.report_window:
            raise Rejected("report_time", f"signed at {self.t}, block time is {context.time}")
        if self.t <= row.last_t:
            raise Rejected("report_order", f"signed at {self.t}, the last one at {row.last_t}")
        tables.UPTIMES.put(state, tables.id_key(self.node_id), _AT(row, self.t))

    def apply(self, state: State, context: Context) -> None:
        """Refused with `disabled`, and `bad_uptime`: nothing has been up since before 1970."""
        check_enabled(state, self.node_id)
        if self.uptime > self.t:
            raise Rejected("bad_uptime", f"{self.uptime} seconds at {self.t}")
        key = tables.id_key(self.node_id)
        row = tables.UPTIMES.need(state, key)
        if not (_has_report(row.running) or _has_report(row.ended)):
            self._note_first(state, key)
        gaps = tables.GAPS.get(state, tables.SINGLE)
        report = self.t, Seconds(self.uptime)
        after = running.reported(
            row, context.params, context.time, report, () if gaps is None else gaps.rows
        )
        kept.put_account(state, key, row, after)

    def _note_first(self, state: State, key: bytes) -> None:
        """Its age on the grid counts from its first report ever (rules.md 7)."""
        if tables.FIRST_REPORTS.get(state, key) is None:
            tables.FIRST_REPORTS.put(state, key, FirstReport(at=self.t))


def _has_report(account: UptimeAccount | None) -> bool:
    return account is not None and account.last_at is not None


_AT: Final = changing(Uptime, "last_t")
