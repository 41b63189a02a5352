"""The tables of one imported period of the public chain, as the public program writes them.

The same layouts as of an audit's report, but who is paid is a Stellar address, and use is what the
public chain measured.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from tfchain.chain.grid import Result
from tfchain.cli.recorded import row_of
from tfchain.cli.report import folder, rows
from tfchain.web.pages import words


def write_tables(place: Path, results: Sequence[Result]) -> None:
    """Write `overview.csv`, `payouts.csv` and `receipts.jsonl` to a folder, all of them or none.

    Raises:
        Unavailable: the place holds something else, or the disk refuses.
    """
    with folder.whole_folder(place, folder.TABLES) as part:
        overview = [rows.OVERVIEW, *map(overview_line, results)]
        _write(part / folder.OVERVIEW, overview)
        _write(part / folder.PAYOUTS, [payouts_line(one) for one in results if is_payable(one)])
        with (part / folder.RECEIPTS).open("w", encoding="utf-8", newline="") as file:
            file.writelines(json.dumps(row_of(one)) + "\n" for one in results)


def _write(path: Path, lines: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def overview_line(result: Result) -> tuple[str, ...]:
    """A line of `overview.csv`."""
    shown, owed, node = result.shown, result.owed, result.node
    return rows.seen_line(
        rows.Seen(
            node_id=node.id,
            twin_id=node.twin_id,
            farm_name=shown.farm_name,
            farm_id=node.farm_id,
            start=shown.start,
            end=shown.end,
            uptime=shown.measured_uptime,
            cu=owed.cu,
            su=owed.su,
            nu=owed.nu,
            musd=owed.musd,
            amount=owed.amount,
            connection_price=node.connection_price,
            resources=node.resources,
            used=shown.utilization,
            certified=node.certified,
            virtualized=node.virtualized,
            violation=rows.violation(result.account),
            stellar_address=shown.stellar_payout_address,
        )
    )


def is_payable(result: Result) -> bool:
    """Whether there is something to pay, and somebody to pay it to."""
    return bool(result.owed.amount and result.shown.stellar_payout_address)


def payouts_line(result: Result) -> tuple[str, ...]:
    """A line of `payouts.csv`: who is paid, how much, and the receipt that it is for."""
    address = rows.harmless(result.shown.stellar_payout_address)
    return address, words.plain_tft(result.owed.amount), result.hash.hex()
