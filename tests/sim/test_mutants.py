"""The simulator bites: each fault that is put into the code is found within a few seeds (scenario 55).

A mutant is one line of the code in another wording, some are two. It is run over `seeds`, and the
first one that kills it is told in the table after the tests. Nothing is copied or written: a process of
its own loads the changed text in place of the module's.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import tfchain

ROOT = Path(tfchain.__file__).resolve().parents[1]
_RUN = """
import json, sys
from importlib.machinery import PathFinder, SourceFileLoader

class Loader(SourceFileLoader):
    def get_code(self, name):
        source = self.get_data(self.path).decode()
        for text, by in changes[name]:
            assert source.count(text) == 1, f"{name} says it otherwise now: {text}"
            source = source.replace(text, by)
        return compile(source, self.path, "exec")

class Finder:
    def find_spec(self, name, path, target=None):
        if name not in changes:
            return None
        spec = PathFinder.find_spec(name, path)
        spec.loader = Loader(name, spec.origin)
        return spec

changes = json.loads(sys.argv.pop(1))
sys.meta_path.insert(0, Finder())
import typer
from tfchain.cli.simulate import simulate
typer.run(simulate)
"""


@dataclass(frozen=True, slots=True)
class Change:
    """A text in a module of the package, and what stands there in the mutant."""

    module: str
    text: str
    by: str


def _machine(text: str, by: str) -> Change:
    return Change("tfchain.bft.machine", text, by)


def _council(text: str, by: str) -> Change:
    return Change("tfchain.replica.council", text, by)


def _replica(text: str, by: str) -> Change:
    return Change("tfchain.replica.replica", text, by)


SIGNED_BEFORE = Change(
    "tfchain.store.signer", "    if place > last.place:\n        return None", "    return None"
)
MEMO_IN_MEMORY = Change(
    "tfchain.store.signer",
    "        self._memo.save(last)\n",
    "        self._memo = MemoryMemo()\n        self._memo.save(last)\n",
)
QUORUM_AT_LEAST = Change(
    "tfchain.ledger.validators", "return 2 * total // 3 + 1", "return -(-2 * total // 3)"
)
QUORUM_ONE_LESS = Change(
    "tfchain.ledger.validators", "return 2 * total // 3 + 1", "return 2 * total // 3"
)
LOCK = _machine(
    "return self.locked_round <= proposal.pol_round or self.locked_id == proposal.block_id",
    "return True",
)
UNLOCK_ON_NIL = _machine(
    "            self.locked_id, self.locked_round = block_id, self.round\n",
    "            self.locked_id, self.locked_round = block_id, self.round\n"
    "        else:\n            self.locked_id, self.locked_round = NIL, NO_ROUND\n",
)
LATE_VALID = _machine(
    "            if not self.valid_round < number <= self.round:\n",
    "            if not (self.valid_round < number == self.round and self.step < 3):\n",
)
VALID = _machine("self.valid_id, self.valid_round = block_id, number", "assert number >= 0")
NIL_COUNTED = Change(
    "tfchain.ledger.commit", "if slot.flag == FOR_BLOCK:", "if slot.flag != ABSENT:"
)
POL_UNSEEN = _machine(
    "if proposal.pol_round != NO_POL and not self._has_polka(proposal):", "if not proposal:"
)
SKIP = _machine("if self.rounds.reached <= self.round:", "if self.rounds.reached <= 1 << 40:")
ANY_BLOCK = _machine("return verdict.valid and grows and", "return grows and")
TIMELY = Change(
    "tfchain.bft.timing", "age = arrival_ms - proposal.time_ms", "age = arrival_ms - arrival_ms"
)
VOTES_TWICE = Change(
    "tfchain.bft.votes", "elif vote.block_id not in {first.block_id, NIL} and", "elif True or"
)
ROUNDS = Change(
    "tfchain.bft.rounds",
    "return current - ROUNDS_KEPT <= round_ <= current + CATCH_UP_ROUNDS_MAX",
    "return current >= 0",
)
REPAIR = Change("tfchain.bft.gossip", "return tuple(messages[:LACKING_MAX])", "return ()")
UNSYNCED_WORD = _council(
    "if isinstance(event, bft.Signed):\n            self._out.append(SyncLog())",
    "if isinstance(event, bft.Signed):\n            assert self._out",
)
UNSYNCED_ASK = _council(
    "self._out += [SyncLog(), Sign(message=effect.message, text=text)]",
    "self._out += [Sign(message=effect.message, text=text)]",
)
UNSYNCED_LOG = _council("for piece in late], SyncLog()]", "for piece in late]]")
OWN_CLOCK = _council(
    "            checked = checked or self._checked.get(block.id)\n"
    "            due = input_of(self.tip, block)",
    "            checked = None\n"
    "            due = __import__('dataclasses').replace(input_of(self.tip, block), time_ms=self.now)",
)
FORGOTTEN_TXS = Change(
    "tfchain.replica.mempool",
    "        self._lanes = {sender: lane for sender, lane in self._lanes.items() if len(lane)}\n",
    "        self._lanes, self._sender_of, self._bytes = {}, {}, 0\n",
)
EXPIRY = Change("tfchain.ledger.roster", "blocks > limits.blocks and", "blocks > limits.blocks or")
EVIDENCE_UNVERIFIED = Change(
    "tfchain.chain.faults",
    "checks += judge(state, params, height, time_ms, piece)",
    "judge(state, params, height, time_ms, piece)",
)
WANT_ONCE = _replica("for block_id in self.council.machine.wanted:", "for block_id in ():")
VOTES_UNVERIFIED = _replica(
    "if not verify(key, text, message.signature):", "if verify(b'', text, message.signature):"
)
FETCHED_UNVERIFIED = _replica(
    "            self.sync.drop(purpose.peer)\n            self._out.append(Blame(peer=purpose.peer,"
    ' reason="a block with a false signature"))\n        elif',
    "            assert purpose\n        if",
)
FETCHED_UNCOUNTED = _replica("        check_tally(tip.validators, commit)\n", "")
NO_CATCH_UP = Change(
    "tfchain.replica.sync", "        if not ahead:\n", "        if ahead or not ahead:\n"
)


def _simulate(seeds: str, scenario: str, options: list[str], *changes: Change) -> tuple[int, str]:
    """Exit code and what was said by the package with these changes."""
    texts: dict[str, list[tuple[str, str]]] = {}
    for change in changes:
        texts.setdefault(change.module, []).append((change.text, change.by))
    asked = ["--seeds", seeds, "--scenario", scenario, *options]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(texts), *asked],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_the_code_as_it_is_breaks_nothing() -> None:
    code, told = _simulate("0..3", "mixed", [])
    assert code == 0, told
    assert "violations: 0" in told


SIX = ["--validators", "6"]
Row = tuple[str, tuple[Change, ...], str, int, str, list[str]]
"""What is wrong, how, scenario, seeds, the invariants of which one breaks, options."""

EIGHT: tuple[Row, ...] = (  # of scenario 55
    ("the lock is not looked at", (LOCK,), "rounds", 20, "S5", []),
    ("nil unlocks", (UNLOCK_ON_NIL,), "rounds", 40, "S5", []),
    ("the signer's memory is not on disk", (MEMO_IN_MEMORY,), "power cuts", 40, "S4", []),
    ("a quorum of two thirds, not more", (QUORUM_AT_LEAST,), "halves", 10, "S6", SIX),
    ("a late valid value is forgotten", (LATE_VALID,), "rounds", 20, "1.1.6", []),
    ("nil counts in a commit", (NIL_COUNTED,), "forgers", 20, "S2 S6", []),
    ("a polka is believed unseen", (POL_UNSEEN,), "liar", 20, "S5", []),
    ("evidence expires past one limit", (EXPIRY,), "evidence", 20, "1.9.3", []),
)
MORE: tuple[Row, ...] = (
    ("a quorum that is one too low", (QUORUM_ONE_LESS,), "halves", 10, "S6", []),
    ("the valid value is forgotten", (VALID,), "rounds", 20, "1.1.6", []),
    ("rounds are not skipped", (SKIP,), "rounds", 10, "1.1.10", []),
    ("a lacking block is asked for once", (WANT_ONCE,), "rounds", 40, "1.14.1", []),
    ("losses are not repaired", (REPAIR,), "storm", 10, "L1", []),
    ("an invalid block is prevoted", (ANY_BLOCK,), "forgers", 20, "S2", []),
    ("a proposal is never late", (TIMELY,), "clocks", 20, "S8", []),
    ("a second vote counts, too", (VOTES_TWICE,), "liar", 40, "S6", []),
    ("rounds far ahead are kept", (ROUNDS,), "liar", 40, "S10", []),
    ("signatures of votes are not verified", (VOTES_UNVERIFIED,), "liar", 40, "S6", []),
    ("a word leaves before it is on disk", (UNSYNCED_WORD,), "mixed", 10, "W1", []),
    ("a word is asked for before its cause is on disk", (UNSYNCED_ASK,), "crashes", 20, "S0", []),
    ("a log falls behind", (UNSYNCED_LOG,), "crashes", 20, "S0", []),
    ("the signer signs anything", (SIGNED_BEFORE,), "power cuts", 40, "S4", []),
    (
        "a fetched block's signatures are not verified",
        (FETCHED_UNVERIFIED,),
        "catch-up",
        20,
        "S1",
        [],
    ),
    ("a fetched commit is not counted", (FETCHED_UNCOUNTED,), "catch-up", 20, "S6", []),
    ("evidence is not verified", (EVIDENCE_UNVERIFIED,), "forgers", 20, "S11", []),
    ("nobody catches up", (NO_CATCH_UP,), "links", 10, "L1", []),
    ("each executes by its own clock", (OWN_CLOCK,), "quiet", 3, "S7", []),
    ("waiting transactions are forgotten", (FORGOTTEN_TXS,), "quiet", 20, "L2", []),
)


@pytest.mark.parametrize("row", [pytest.param(row, id=row[0]) for row in (*EIGHT, *MORE)])
def test_a_mutant_is_killed(row: Row, record_property: Callable[[str, object], None]) -> None:
    """Scenario 55: of its eight, and of ours; by the invariant that is meant to find it."""
    name, changes, scenario, seeds, number, options = row
    code, told = _simulate(f"0..{seeds - 1}", scenario, options, *changes)
    assert code == 1, told
    found = re.search(r"^seed (\d+) of .*\n  ([^:]+): ", told)
    assert found is not None, told
    record_property("mutant", (name, *found.groups()))
    assert found[2] in number.split(), told
