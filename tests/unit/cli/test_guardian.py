"""`tfchain guardian`: look at a period, sign it offline in parallel, one file back (rules.md 8)."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.base.units import Address, NodeId, PeriodIndex, ScheduleId, Utft
from tfchain.chain import export_records as records
from tfchain.chain.receipts import receipt_id
from tfchain.chain.review import Reviewer, _last_settled, has_moved
from tfchain.cli.audit import DictRows
from tfchain.cli.guardian import papers
from tfchain.cli.guardian.verbs import app
from tfchain.cli.guardian.words import lines_of, plain_of
from tfchain.client.keys import Key
from tfchain.errors import Divergence, Malformed, Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.disputes import Dispute, NamedNode, Ruling
from tfchain.ledger.minting import COMMIT, DISPUTED, PAID, SEALED, Batch, Receipt, commitment_digest
from tfchain.ledger.state import State
from tfchain.node.devnet.homes import seed_of
from tfchain.node.guardian import signing
from tfchain.store.export import read_records, write_records
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import decode_transaction

APP = typer.Typer()
APP.add_typer(app, name="guardian")
SEEDS = [seed_of(1, f"guardian/{number}") for number in range(4)]
KEYS = [Key(seed) for seed in SEEDS]
PLACE = ScheduleId(0), PeriodIndex(0)
NAME = tables.batch_key(*PLACE)
Record = tuple[int, bytes]


@dataclass(frozen=True)
class Recorded:
    """The devnet's chain, and where its first batch came into which state."""

    rows: list[Record]
    first: dict[int, int]
    looked: dict[int, tuple[Reviewer, DictRows]]
    """Who had read as far as each of these states, and the ledger then."""

    def at(self, state: int) -> tuple[Reviewer, DictRows]:
        """A copy, to be changed."""
        return deepcopy(self.looked[state])

    def upto(self, height: int) -> list[Record]:
        """The first blocks of it, as a node would have exported them then."""
        blocks = 0
        for place, (kind, _) in enumerate(self.rows):
            blocks += kind == records.BLOCK
            if blocks > height:
                return self.rows[:place]
        return self.rows


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> Recorded:
    content = (golden_folder / "devnet.tfc").read_bytes()
    rows = [(kind, payload) for _, kind, payload in read_records(BytesIO(content))]
    stored, first = DictRows(), dict[int, int]()
    looked: dict[int, tuple[Reviewer, DictRows]] = {}
    reviewer = Reviewer(stored, *PLACE)
    for kind, payload in rows:
        reviewer.take(kind, payload)
        batch = tables.BATCHES.get(State(stored), NAME)
        if batch is not None and kind == records.BLOCK and batch.state not in first:
            first[batch.state] = reviewer.height
            if batch.state in (COMMIT, SEALED, PAID):
                looked[batch.state] = deepcopy((reviewer, stored))
    return Recorded(rows, first, looked)


@pytest.fixture
def export(recorded: Recorded, tmp_path: Path) -> Callable[[int], str]:
    """The chain as it was when the batch had just come into a state."""

    def write(state: int) -> str:
        path = tmp_path / f"state{state}.tfc"
        with path.open("wb") as file:
            write_records(file, recorded.upto(recorded.first[state]))
        return str(path)

    return write


def _run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(APP, ["guardian", *map(str, arguments)], input=answer)


def _key(number: int) -> str:
    return "0x" + SEEDS[number].hex()


def _sign(export: str, number: int, to: Path, *more: str, answer: str | None = None) -> Result:
    arguments = ("sign-offline", 0, export, "--key", _key(number), "--to", to, *more)
    return _run(*arguments, answer=answer)


# --- review ---------------------------------------------------------------------------------------


def test_a_review_tells_what_a_guardian_looks_at(golden_folder: Path) -> None:
    shown = _run("review", 0, golden_folder / "devnet.tfc")
    assert shown.exit_code == 0, shown.output
    for piece in (
        "period 0/0 of devnet-",
        ": equal",
        "as the ledger",
        "12 nodes, 10 paid",
        "there is none",
        "farming_v3: 12 nodes",
        "largest: 10",
        "violations: 1",
        "uptime_too_high",
        "moved by half: none",
        "differences: none",
        "at most 4000000000.0000000 TFT",
    ):
        assert piece in shown.output, piece


def test_a_guardian_that_differs_from_the_ledger_looks_on(recorded: Recorded) -> None:
    reviewer, rows = recorded.at(COMMIT)
    batch, second = tables.BATCHES.need(State(rows), NAME), reviewer._second
    assert second is not None
    mine = reviewer.review().mine
    with pytest.raises(Divergence):
        deepcopy(second).judge(rows, [batch])
    reviewer._judge(second, batch)
    assert reviewer.review().mine == mine


def test_a_review_of_another_period_passes_those_before(recorded: Recorded) -> None:
    later = Reviewer(rows := DictRows(), ScheduleId(0), PeriodIndex(1))
    for kind, payload in recorded.rows:
        later.take(kind, payload)
    with pytest.raises(Unavailable, match="period 1 of schedule 0: last block at"):
        later.review()
    batch = tables.BATCHES.need(State(rows), NAME)
    assert _last_settled(State(rows), replace(batch, period=PeriodIndex(3))) == batch
    rows.write([(tables.BATCHES.stored_at(NAME), None)])
    assert _last_settled(State(rows), replace(batch, period=PeriodIndex(3))) is None


def test_a_review_for_scripts_adds_up(golden_folder: Path) -> None:
    plain = json.loads(_run("review", 0, golden_folder / "devnet.tfc", "--json").stdout)
    assert plain["computed_here"] == plain["ledger"]
    assert plain["agrees"] is True
    supply = plain["supply"]
    assert int(supply["after"]) - int(supply["before"]) == int(plain["totals"]["amount"])
    assert [row["agrees"] for row in plain["guardians"]] == [True] * 4
    assert sum(row["now"]["nodes"] for row in plain["regimes"]) == plain["totals"]["nodes"]
    amounts = [int(row["amount"]) for row in plain["largest"]]
    assert amounts == sorted(amounts, reverse=True)


def test_before_the_seal_there_is_but_what_was_computed_here(recorded: Recorded) -> None:
    reviewer, _ = recorded.at(COMMIT)
    found = reviewer.review()
    plain, text = plain_of(found), "\n".join(lines_of(found))
    assert (plain["ledger"], plain["agrees"], found.differences) == (None, None, ())
    assert "not sealed yet" in text and "has said nothing" in text
    sealed = recorded.at(SEALED)[0].review()
    assert sealed.mine.root == found.mine.root
    assert sealed.supply.after == found.supply.after


def test_a_period_is_compared_with_the_last_one(recorded: Recorded) -> None:
    """The last one is planted: every node had what it has, but nodes 1, 2 and 3."""
    reviewer, stored = recorded.at(PAID)
    state = State(stored)
    batch = tables.BATCHES.need(state, NAME)
    receipts = {
        node: tables.RECEIPTS.need(state, tables.in_batch(NAME, node)) for node in range(1, 13)
    }
    second = PeriodIndex(1)
    later = tables.batch_key(PLACE[0], second)
    changed = {1: 2 * receipts[1].amount, 2: 2 * receipts[2].amount + 1, 4: 5}
    tables.BATCHES.put(state, later, replace(batch, period=second))
    for node, receipt in receipts.items():
        row = replace(receipt, amount=Utft(changed.get(node, receipt.amount)), period=second)
        tables.RECEIPTS.put(state, tables.in_batch(later, node), row)
    _write(stored, state)
    looked = Reviewer(stored, PLACE[0], PeriodIndex(1))
    looked._second, looked._tip = reviewer._second, reviewer._tip
    looked._mine = replace(reviewer.review().mine, receipts=tuple(_in(state, later)))
    found = looked.review()
    assert found.last == 0
    assert [(row.node_id, row.now) for row in found.moved] == [
        (NodeId(node), changed[node]) for node in (1, 2, 4)
    ]
    text = "\n".join(lines_of(found))
    assert "0: 12 nodes, 10 paid" in text and "now +" in text


def _in(state: State, batch: bytes) -> list[Receipt]:
    return [tables.RECEIPTS.need(state, tables.in_batch(batch, node)) for node in range(1, 13)]


def _write(stored: DictRows, state: State) -> None:
    stored.write((table.stored_at(key), value) for table, key, value in state.changes())


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        pytest.param(100, 50, False, id="half of it"),
        pytest.param(100, 49, True, id="less than half"),
        pytest.param(100, 150, False, id="half more"),
        pytest.param(100, 151, True, id="more than half more"),
        pytest.param(0, 1, True, id="from nothing"),
        pytest.param(0, 0, False, id="nothing as ever"),
    ],
)
def test_what_counts_as_moved(before: int, now: int, moved: bool) -> None:
    assert has_moved(before, now) is moved


# --- a dispute ------------------------------------------------------------------------------------


@pytest.fixture
def disputed(recorded: Recorded) -> Reviewer:
    """The ledger has other amounts for nodes 3 and 5 than were computed, and one that is not there."""
    reviewer, stored = recorded.at(SEALED)
    state = State(stored)
    batch: Batch = tables.BATCHES.need(state, NAME)
    tables.BATCHES.put(
        state, NAME, replace(batch, state=DISPUTED, root=bytes([7]) * 32, total=batch.total + 2)
    )
    for node in (3, 5):
        place = tables.in_batch(NAME, node)
        row = tables.RECEIPTS.need(state, place)
        tables.RECEIPTS.put(state, place, replace(row, amount=Utft(row.amount + 1)))
    tables.RECEIPTS.drop(state, tables.in_batch(NAME, 6))
    named = NamedNode(node_id=NodeId(3), receipt=bytes(32), amount=Utft(9))
    place = tables.of_guardian(NAME, KEYS[0].address)
    tables.DISPUTES.put(state, place, Dispute(named=(named,), height=reviewer.height))
    _write(stored, state)
    return reviewer


def test_what_differs_is_told_node_by_node(disputed: Reviewer) -> None:
    found = disputed.review()
    assert not found.agrees
    assert [row.node_id for row in found.differences] == [3, 5, 6]
    plain, text = plain_of(found), "\n".join(lines_of(found))
    assert [row["fields"] for row in plain["differences"]] == [["amount"], ["amount"], []]  # type: ignore[index, union-attr, call-overload]
    assert "NOT EQUAL" in text and "(amount)" in text and "the ledger no receipt" in text


def test_who_differs_names_its_own_receipts(disputed: Reviewer) -> None:
    found = disputed.review()
    body = signing.naming(found)
    mine = {one.node_id: one for one in found.mine.receipts}
    assert [(one.node_id, one.amount) for one in body.named] == [
        (node, mine[NodeId(node)].amount) for node in (3, 5, 6)
    ]
    assert [one.receipt for one in body.named] == [receipt_id(mine[NodeId(n)]) for n in (3, 5, 6)]


def test_who_agrees_has_nothing_to_name(recorded: Recorded) -> None:
    found = recorded.at(PAID)[0].review()
    with pytest.raises(Rejected, match="not_disputed"):
        signing.naming(found)
    with pytest.raises(Rejected, match="agreed"):
        signing.naming(replace(found, batch=replace(found.batch, state=DISPUTED)))


@pytest.mark.parametrize(
    ("ruling", "said"),
    [
        pytest.param((False, (3, 5)), "approved by proposal 4, left out: 3, 5", id="without two"),
        pytest.param((False, ()), "left out: none", id="all of it"),
        pytest.param((True, ()), "void, by proposal 4: nothing is paid", id="void"),
    ],
)
def test_a_ruling_is_told(
    disputed: Reviewer, ruling: tuple[bool, tuple[int, ...]], said: str
) -> None:
    without = tuple(NodeId(n) for n in ruling[1])
    row = Ruling(proposal=4, without=without, void=ruling[0], height=disputed.height)
    found = replace(disputed.review(), ruling=row)
    assert said in "\n".join(lines_of(found))
    assert plain_of(found)["ruling"] == {
        "proposal": 4,
        "void": ruling[0],
        "without": [*ruling[1]],
    }


# --- signing --------------------------------------------------------------------------------------


def test_in_the_commit_window_a_commitment_is_signed_and_its_file_tells_no_root(
    export: Callable[[int], str], tmp_path: Path, recorded: Recorded
) -> None:
    path = tmp_path / "one.json"
    done = _sign(export(COMMIT), 0, path, answer="y\n")
    assert done.exit_code == 0, done.output
    assert "Sign: commit to the root computed here for batch 0/0?" in done.output
    plain = json.loads(path.read_text())
    root = recorded.at(COMMIT)[0].review().mine.root.hex()
    assert root not in path.read_text()
    assert (plain["kind"], plain["attested"]) == ("commit_mint", None)


def test_what_was_committed_to_offline_is_what_is_revealed(
    export: Callable[[int], str], tmp_path: Path
) -> None:
    """The salt is the key's own: nothing has to be kept between the two signatures."""
    bodies = []
    for state in (COMMIT, SEALED):
        path = tmp_path / f"{state}.json"
        assert _sign(export(state), 1, path, "--yes").exit_code == 0
        ((_, raw),) = papers.load_paper(path).signed
        bodies.append(open_body(decode_transaction(raw)))
    commit, attest = bodies
    assert isinstance(commit, CommitMint) and isinstance(attest, AttestMint)
    opened = commitment_digest(attest.root, attest.total, attest.count, attest.salt)
    assert commit.digest == opened


def test_files_that_were_signed_in_parallel_become_one(recorded: Recorded, tmp_path: Path) -> None:
    files = [tmp_path / f"{n}.json" for n in range(3)]
    for number, path in enumerate(files):
        _save(recorded, number, path)
    done = _run("merge", *files, "--to", tmp_path / "all.json")
    assert (done.exit_code, "3 guardians in" in done.output) == (0, True)
    paper = papers.load_paper(tmp_path / "all.json")
    assert {who for who, _ in paper.signed} == {key.address for key in KEYS[:3]}
    again = _run("merge", tmp_path / "all.json", files[0], "--to", tmp_path / "more.json")
    assert "3 guardians in" in again.output


def test_who_says_no_signs_nothing(export: Callable[[int], str], tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    done = _sign(export(SEALED), 0, path, answer="n\n")
    assert isinstance(done.exception, Rejected) and done.exception.code == "not_signed"
    assert not path.exists()


@pytest.mark.parametrize(
    ("state", "key", "code"),
    [
        pytest.param(PAID, _key(0), "nothing_due", id="all is said"),
        pytest.param(SEALED, "//Alice", "not_a_guardian", id="a stranger"),
    ],
)
def test_who_may_not_sign(
    export: Callable[[int], str], tmp_path: Path, state: int, key: str, code: str
) -> None:
    to = tmp_path / "paper.json"
    done = _run("sign-offline", 0, export(state), "--key", key, "--to", to, "--yes")
    assert isinstance(done.exception, Rejected) and done.exception.code == code


def test_results_that_differ_are_told_and_not_merged(tmp_path: Path, recorded: Recorded) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    _save(recorded, 0, one)
    looked, _ = recorded.at(SEALED)
    body = signing.due(looked, looked.review(), KEYS[1])
    assert isinstance(body, AttestMint)
    raw = signing.signed(looked, KEYS[1], replace(body, total=body.total + 5))
    papers.save_paper(other, papers.paper_of(str(other), raw))
    done = _run("merge", one, other, "--to", tmp_path / "all.json")
    assert isinstance(done.exception, Rejected) and done.exception.code == "differs"
    for piece in ("one.json", "other.json", f"{body.total} units", f"{body.total + 5} units"):
        assert piece in str(done.exception), piece


def test_a_guardian_signs_one_thing(recorded: Recorded) -> None:
    looked, _ = recorded.at(SEALED)
    body = signing.due(looked, looked.review(), KEYS[1])
    first = papers.paper_of("a", signing.signed(looked, KEYS[1], body))
    second = replace(first, signed=((first.signed[0][0], b"other"),))
    with pytest.raises(Rejected, match="signed_twice"):
        papers.merged([first, second], "all")


def test_what_no_guardian_signs_is_no_paper(recorded: Recorded) -> None:
    looked, _ = recorded.at(SEALED)
    raw = signing.signed(looked, KEYS[1], Transfer(to=KEYS[0].address, amount=Utft(5)))
    with pytest.raises(Malformed, match="nothing a guardian signs"):
        papers.paper_of("a", raw)


def _save(recorded: Recorded, number: int, path: Path) -> None:
    """An attestation, as `sign-offline` leaves it."""
    looked, _ = recorded.looked[SEALED]
    raw = signing.signed(looked, KEYS[number], signing.due(looked, looked.review(), KEYS[number]))
    papers.save_paper(path, papers.paper_of(str(path), raw))


def _tampered(name: str, value: object) -> Callable[[dict[str, object]], object]:
    return lambda plain: {**plain, name: value}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: [], id="a list"),
        pytest.param(_tampered("format", "other"), id="another format"),
        pytest.param(_tampered("signed", []), id="nobody signed"),
        pytest.param(_tampered("signed", [7]), id="a number for a signature"),
        pytest.param(_tampered("signed", [{"guardian": "x", "tx": "00"}]), id="no transaction"),
        pytest.param(_tampered("attested", None), id="no result"),
        pytest.param(_tampered("period", 5), id="another period in words"),
        pytest.param(_tampered("chain_id", "other"), id="another chain in words"),
        pytest.param(
            lambda plain: {
                **plain,
                "signed": [{**plain["signed"][0], "guardian": to_text(Address(KEYS[2].address))}],
            },
            id="another guardian in words",
        ),
        pytest.param(
            lambda plain: {
                **plain,
                "signed": [
                    {**plain["signed"][0], "tx": plain["signed"][0]["tx"][:-2] + "00"},
                ],
            },
            id="a false signature",
        ),
    ],
)
def test_a_paper_that_was_tampered_with_is_refused(
    recorded: Recorded, tmp_path: Path, change: Callable[[object], object]
) -> None:
    path = tmp_path / "paper.json"
    _save(recorded, 0, path)
    assert len(papers.load_paper(path).signed) == 1
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(Malformed):
        papers.load_paper(path)


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"[" * 50_000, b" " * (papers.PAPER_BYTES_MAX + 1)], ids=len
)
def test_what_is_no_paper_is_a_wrong_call(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "paper.json"
    path.write_bytes(text)
    done = _run("merge", path, "--to", tmp_path / "all.json")
    assert done.exit_code == 2


def test_only_a_node_is_handed_anything(tmp_path: Path) -> None:
    done = _run("attest", 0, tmp_path / "chain.tfc", "--key", "//Alice")
    assert (done.exit_code, "a node's URL is due" in done.output) == (2, True)


def test_an_export_that_begins_elsewhere_is_malformed(recorded: Recorded) -> None:
    reviewer = Reviewer(DictRows(), *PLACE)
    with pytest.raises(Malformed):
        reviewer.review()
    with pytest.raises(Malformed):
        reviewer.take(*recorded.rows[1])
    reviewer.take(*recorded.rows[0])
    with pytest.raises(Rejected, match="unknown_period"):
        reviewer.review()
    with pytest.raises(Malformed):
        reviewer.take(99, b"")
