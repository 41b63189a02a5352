"""The rows of P35 and 1.7.6, one by one: what a start does with what stands on the disk."""

from pathlib import Path

import pytest

from tfchain.base.units import Height
from tfchain.errors import Malformed, Unavailable
from tfchain.node.home import Home
from tfchain.node.recovery import NOWHERE, Found, LogFound, Plan, log_height, place_text, plan_of
from tfchain.replica.log import height_record
from tfchain.store.signer import PRECOMMIT, PREVOTE, end_of
from tfchain.store.wal_records import Survey

HOME = Home(Path("home"))
STORED = 7
"""The height of the store in every row; 8 is the one under way."""


def log(
    height: int = STORED + 1,
    own: tuple[int, int, int] = NOWHERE,
    due: tuple[int, int, int] = NOWHERE,
    damage: int | None = None,
    fault: str = "",
) -> LogFound:
    survey = Survey(spans=(), end=100, damage=damage)
    return LogFound(survey=survey, size=100, height=height, own=own, due=due, fault=fault)


def found(
    signer: tuple[int, int, int] | None,
    a_log: LogFound | None,
    shown: tuple[int, int, int] = NOWHERE,
) -> Found:
    return Found(height=Height(STORED), shown=shown, signer=signer, log=a_log)


PREVOTED, PRECOMMITTED = (8, 0, PREVOTE), (8, 0, PRECOMMIT)
BEFORE = (7, 0, PRECOMMIT)


@pytest.mark.parametrize(
    ("what", "plan"),
    [
        pytest.param(found(BEFORE, log()), Plan(), id="log one ahead of the store"),
        pytest.param(found(BEFORE, log(STORED)), Plan(), id="equal: the end marker was lost"),
        pytest.param(found(BEFORE, log(0)), Plan(), id="equal: an end marker and nothing more"),
        pytest.param(found(BEFORE, None), Plan(), id="no log, nothing signed since"),
        pytest.param(found(PREVOTED, log(own=PREVOTED)), Plan(), id="the log has the last word"),
        pytest.param(found(PREVOTED, log(due=PREVOTED)), Plan(), id="the log leads to it"),
        pytest.param(found(None, log()), Plan(), id="a follower"),
        pytest.param(found(None, log(damage=9)), Plan(mend=True), id="a follower, damaged"),
        pytest.param(
            found(PREVOTED, log(own=PREVOTED, damage=9)),
            Plan(mend=True),
            id="damaged behind the last word",
        ),
        pytest.param(
            found(BEFORE, log(damage=9)), Plan(mend=True), id="damaged, nothing signed since"
        ),
        pytest.param(found(end_of(8), None), Plan(), id="no log, the height is skipped"),
        pytest.param(found(end_of(99), log()), Plan(), id="moved in, the store is far behind"),
        pytest.param(
            found(end_of(8), log(damage=9)), Plan(mend=True), id="damaged in a skipped height"
        ),
    ],
)
def test_a_legal_state_is_gone_on_from(what: Found, plan: Plan) -> None:
    """1.7.8: of its table P35 leaves two rows. Scenario 26, of which little is left: blocks and
    state are one batch; log and signer are not."""
    assert plan_of(what, HOME, allow_old_store=False) == plan


@pytest.mark.parametrize(
    ("what", "name", "allowed"),
    [
        pytest.param(
            found((9, 0, 1), log()),
            "the store ends at height 7, but this validator signed at 9",
            Plan(aside=True, silent=True),
            id="store older than signer",
        ),
        pytest.param(
            found((9, 0, 1), None),
            "the store ends at height 7, but this validator signed at 9",
            Plan(silent=True),
            id="store older than signer, no log",
        ),
        pytest.param(
            found(PREVOTED, None),
            "the log is missing, and this validator signed at height 8",
            Plan(silent=True),
            id="log lost",
        ),
        pytest.param(
            found(BEFORE, log(9)),
            "the log is at height 9, the store asks for 8: the store is older",
            Plan(aside=True),
            id="store older than log",
        ),
        pytest.param(
            found(BEFORE, log(6)),
            "the log is at height 6, the store asks for 8: the log is older",
            Plan(aside=True),
            id="log older than store",
        ),
        pytest.param(
            found(PRECOMMITTED, log(own=PREVOTED, damage=9)),
            "damaged at byte 9, and a later word may stand behind",
            Plan(aside=True, silent=True),
            id="damaged before the last word",
        ),
        pytest.param(
            found(PRECOMMITTED, log(own=PREVOTED)),
            r"does not lead to what this validator signed last \(height 8, round 0, precommit\)",
            Plan(aside=True, silent=True),
            id="log cut before the last word",
        ),
        pytest.param(
            found(BEFORE, log(fault="the log holds what nobody writes")),
            "what nobody writes",
            Plan(aside=True),
            id="another program's log",
        ),
    ],
)
def test_any_other_state_is_refused_by_name_with_the_remedy(
    what: Found, name: str, allowed: Plan
) -> None:
    """1.7.8, P35."""
    with pytest.raises(Unavailable, match=name) as refusal:
        plan_of(what, HOME, allow_old_store=False)
    assert "--allow-old-store" in refusal.value.remedy
    assert "restore" in refusal.value.remedy
    assert plan_of(what, HOME, allow_old_store=True) == allowed


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    ("what", "why"),
    [
        pytest.param(
            found(PREVOTED, log(own=PRECOMMITTED)), "the log tells of a later word", id="log"
        ),
        pytest.param(
            found((5, 0, 3), log(), shown=(6, 1, 3)), "block 6 carries a later vote", id="blocks"
        ),
    ],
)
def test_an_old_signer_state_is_refused_whatever_is_allowed(
    what: Found, why: str, allow: bool
) -> None:
    """#809: restored back-ups are how validators sign twice."""
    with pytest.raises(Unavailable, match=rf"signer state is older.*{why}") as refusal:
        plan_of(what, HOME, allow_old_store=allow)
    assert "move-in" in refusal.value.remedy
    assert "must not sign again" in refusal.value.remedy


def test_a_log_is_of_the_last_height_that_begins_in_it() -> None:
    assert log_height([]) == 0
    assert log_height([height_record(Height(3)), height_record(Height(4))]) == 4


@pytest.mark.parametrize(
    "payloads",
    [
        pytest.param([b"\x05"], id="an unknown record"),
        pytest.param([b"\x00\x01"], id="a height of one byte"),
        pytest.param([b"\x02\x92\x00\x91\x01"], id="an event before any height"),
    ],
)
def test_a_log_that_nobody_writes_is_malformed(payloads: list[bytes]) -> None:
    with pytest.raises(Malformed):
        log_height(payloads)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (NOWHERE, "nothing"),
        ((8, 2, 1), "height 8, round 2, proposal"),
        ((8, 2, 2), "height 8, round 2, prevote"),
        (end_of(8), "height 8, skipped to its end"),
    ],
)
def test_a_place_reads_aloud(place: tuple[int, int, int], text: str) -> None:
    assert place_text(place) == text
