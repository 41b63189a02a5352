"""`show ... --light`: what a person who trusts one block is told of an account, a receipt, a mint."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from tfchain.base.address import to_text
from tfchain.base.shapes import decode_record
from tfchain.cli import main as door
from tfchain.ledger.light import ATTACK_BYTES_MAX, LIGHT_BYTES_MAX, LightAttack, LightBlock, id_of

if TYPE_CHECKING:
    from tests.unit.node.conftest import Lying
    from tests.unit.node.minted.conftest import Minted

DONE, NO, WRONG, UNREACHABLE = 0, 1, 2, 3
EARLY: Final = 10
"""The block that is trusted, some way below the last one."""
THREE_OF_FOUR: Final = tuple(bytes([number]) * 32 for number in (1, 2, 3))
THINGS: Final = [
    pytest.param(("account", "{farmer}"), "nonce", "3", id="an account"),
    pytest.param(("receipt", "0/0", "1"), "uptime", 60, id="a receipt"),
    pytest.param(("mint", "0/0", "1"), "node_id", 1, id="a mint record"),
]


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str

    def says(self, code: int, words: str) -> None:
        """It is refused in one line."""
        assert (self.code, self.out) == (code, ""), self
        assert self.err.startswith("tfchain") and words in self.err, self
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self


Show = Callable[..., Ended]


@pytest.fixture
def show(
    recent: "Minted", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Show:
    """`show(words, more)`: through the front door, with the words' `{farmer}` filled in."""

    def through(words: tuple[str, ...], *more: str) -> Ended:
        named = [word.format(farmer=to_text(recent.farmer)) for word in words]
        argv = ["tfchain", "show", *named, "--light", *more]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as end:
            door.main()
        assert type(end.value.code) is int
        return Ended(end.value.code, *capsys.readouterr())

    return through


def trusted(minted: "Minted", height: int) -> str:
    """The block of a height, as somebody tells it who is trusted."""
    plain = httpx.get(f"{minted.url}/v1/light/{height}", trust_env=False).json()
    block = decode_record(LightBlock, bytes.fromhex(plain["light_block"]), LIGHT_BYTES_MAX)
    return f"{height}:{id_of(block).hex()}"


@pytest.mark.parametrize(("words", "name", "value"), THINGS)
def test_a_thing_is_shown_by_headers_that_were_verified_here(
    recent: "Minted", show: Show, words: tuple[str, ...], name: str, value: object
) -> None:
    right = ("--trust", trusted(recent, EARLY), "--node", recent.url, "--witness", recent.url)
    shown = show(words, *right, "--json")
    assert (shown.code, shown.err) == (DONE, "")
    plain: dict[str, Any] = json.loads(shown.out)
    assert plain[name] == value
    told = f"headers followed from the trusted block {EARLY}, 1 witnesses agree"
    assert f"header of block {recent.height} " in plain["checked"]
    assert plain["checked"].endswith(told)


@pytest.mark.parametrize(("words", "name", "value"), THINGS)
def test_another_block_than_the_trusted_one_shows_nothing(
    recent: "Minted", show: Show, words: tuple[str, ...], name: str, value: object
) -> None:
    wrong = f"{EARLY}:{'ab' * 32}"
    ended = show(words, "--trust", wrong, "--node", recent.url)
    ended.says(NO, f"wrong_hash: block {EARLY} is")


@pytest.mark.parametrize(("words", "name", "value"), THINGS)
def test_a_lying_node_is_found_out_by_an_honest_witness(
    recent: "Minted",
    show: Show,
    lying: "Lying",
    words: tuple[str, ...],
    name: str,
    value: object,
) -> None:
    """1.17.5: three of four sign another history; each side is handed what accuses the other."""
    with lying(recent.url, THREE_OF_FOUR, EARLY + 1) as liar:
        asked = ("--trust", trusted(recent, EARLY), "--node", liar.url)
        assert show(words, *asked).code == DONE, "alone, nobody could tell"
        ended = show(words, *asked, "--witness", recent.url)
    ended.says(NO, f"fork at height {recent.height}: {liar.url} shows")
    assert f"evidence handed in at {recent.url}, {liar.url}" in ended.err
    (body,) = liar.accused
    raw = bytes.fromhex(json.loads(body)["attack"])
    attack = decode_record(LightAttack, raw, ATTACK_BYTES_MAX)
    assert attack.conflicting.height == attack.common_height == recent.height


def test_a_lying_witness_stops_an_honest_answer_as_well(
    recent: "Minted", show: Show, lying: "Lying"
) -> None:
    """Who is right cannot be told from here."""
    with lying(recent.url, THREE_OF_FOUR, EARLY + 1) as liar:
        asked = ("--trust", trusted(recent, EARLY), "--node", recent.url, "--witness", liar.url)
        show(("receipt", "0/0", "1"), *asked).says(NO, "fork at height")


def test_a_history_that_too_few_signed_is_no_fork_but_a_lie(
    recent: "Minted", show: Show, lying: "Lying"
) -> None:
    with lying(recent.url, THREE_OF_FOUR[:2], EARLY + 1) as liar:
        asked = ("--trust", trusted(recent, EARLY), "--node", liar.url)
        show(("account", "{farmer}"), *asked).says(NO, "not_signed: ")
    assert liar.accused == []


def test_a_trusted_block_past_its_period_shows_only_what_lies_below(
    minted: "Minted", show: Show
) -> None:
    """1.17.1: whoever signed then may have nothing left to lose; links below it do not age."""
    asked = ("--node", minted.url, "--trust")
    show(("mint", "0/0", "1"), *asked, trusted(minted, EARLY)).says(NO, "expired: ")
    last = show(("mint", "0/0", "1"), *asked, trusted(minted, minted.height))
    assert last.code == DONE
    assert "no witness asked" in " ".join(last.out.split())
    below = show(("block", "3"), *asked, trusted(minted, EARLY))
    assert (below.code, below.err) == (DONE, "")


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        pytest.param(("--trust", "99999:" + "ab" * 32), UNREACHABLE, "no block 99999", id="none"),
        pytest.param(("--trust", "10"), WRONG, "64 hex digits", id="no hash"),
        pytest.param(("--trust", "10:abcd"), WRONG, "64 hex digits", id="a short hash"),
        pytest.param((), WRONG, "HEIGHT:HASH is due", id="no trust"),
    ],
)
def test_a_trust_that_is_none_is_a_wrong_call(
    recent: "Minted", show: Show, more: tuple[str, ...], code: int, words: str
) -> None:
    show(("account", "{farmer}"), "--node", recent.url, *more).says(code, words)
