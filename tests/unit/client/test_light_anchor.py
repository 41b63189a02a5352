"""Following headers from a block that a person named, with witnesses (1.17.5, scenario 49)."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx
import pytest

from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Millis
from tfchain.bft.light import Distrust, Terms
from tfchain.client import light
from tfchain.client.light import HttpSource, LightAnchor, anchored
from tfchain.errors import InvalidBlock, Malformed, Unavailable
from tfchain.ledger.light import LightAttack, LightBlock, id_of

if TYPE_CHECKING:
    from tests.unit.conftest import LightChain

FOUR = (1, 2, 3, 4)
LENGTH = 30
TERMS = Terms(chain_id="light-1", period=Millis(90_000))


def _sets() -> list[tuple[int, ...]]:
    return [FOUR if height < 10 else (4, 5, 6, 7) for height in range(1, LENGTH + 1)]


@pytest.fixture(scope="module")
def right(light_chain: "type[LightChain]") -> "LightChain":
    return light_chain(_sets())


@pytest.fixture(scope="module")
def forged(light_chain: "type[LightChain]", right: "LightChain") -> "LightChain":
    """Another history from height 15 on, signed by the same."""
    return light_chain(_sets(), salt=9, trunk=(right, 14))


@dataclass
class Fake:
    """A node in memory. `has`: the height that it has reached."""

    chain: "LightChain"
    name: str = "primary"
    has: int = LENGTH
    answers: bool = True
    accused: list[LightAttack] = field(default_factory=list)

    def block(self, height: Height | None) -> LightBlock | None:
        place = self.has if height is None else height
        return self.chain.at(place) if 0 < place <= self.has else None

    def accuse(self, attack: LightAttack) -> None:
        if not self.answers:
            raise Unavailable("the node does not answer", self.name, "again")
        self.accused.append(attack)


class Time:
    def __init__(self) -> None:
        self.ms = 32_000

    def clock(self) -> Millis:
        return Millis(self.ms)

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1_000)


def _anchor(
    primary: Fake, *witnesses: Fake, height: int = 3, time: Time | None = None
) -> LightAnchor:
    now = time or Time()
    made = LightAnchor(
        terms=TERMS,
        primary=primary,
        witnesses=witnesses,
        clock=now.clock,
        sleep=now.sleep,
    )
    return anchored(made, Height(height), id_of(primary.chain.at(height)))


def test_sets_are_followed_up_and_down_and_remembered(right: "LightChain") -> None:
    anchor = _anchor(Fake(right), Fake(right, "witness"), height=12)
    for height in (30, 12, 20, 5, 30):
        header = right.at(height).header
        assert anchor.validators_of(header) == right.at(height).validators
    assert anchor.chain_id == "light-1"
    assert anchor.told == "headers followed from the trusted block 12, 1 witnesses agree"
    assert _anchor(Fake(right)).told.endswith("no witness asked")


def test_what_lies_between_is_reached_by_links_once_the_lower_one_is_too_old(
    right: "LightChain",
) -> None:
    """1.17.4: a proof may need a block, then the one above it, both below the trusted one."""
    time = Time()
    anchor = _anchor(Fake(right), height=12, time=time)
    assert anchor.follow(Height(5)) == right.at(5)
    time.ms = 5_000 + TERMS.period
    assert anchor.follow(Height(6)) == right.at(6)
    assert anchor.follow(Height(20)) == right.at(20), "the upper one is still young enough"
    time.ms += 20_000
    with pytest.raises(Distrust, match="expired"):
        anchor.follow(Height(30))


def test_another_header_than_was_verified_is_refused(right: "LightChain") -> None:
    header = replace(right.at(20).header, state_root=b"\x01" * 32)
    with pytest.raises(InvalidBlock, match="not the one that was verified"):
        _anchor(Fake(right)).validators_of(header)


def test_another_block_than_was_named_is_refused(right: "LightChain") -> None:
    with pytest.raises(Distrust, match="wrong_hash"):
        anchored(_anchor(Fake(right)), Height(3), bytes(32))
    with pytest.raises(Unavailable, match="no block 31"):
        anchored(_anchor(Fake(right)), Height(31), bytes(32))


def test_a_fork_stops_everything_and_both_sides_get_the_evidence(
    right: "LightChain", forged: "LightChain"
) -> None:
    """Scenario 49 c: nobody is believed; each is told of the other."""
    primary, honest = Fake(forged), Fake(right, "honest")
    anchor = _anchor(primary, Fake(forged, "accomplice"), honest)
    with pytest.raises(InvalidBlock, match="fork at height 18: primary shows") as caught:
        anchor.follow(Height(30))
    assert "handed in at honest, primary" in str(caught.value)
    assert honest.accused[0].conflicting == forged.at(18)
    assert primary.accused[0].conflicting == right.at(18)
    assert list(anchor.trusted) == [3], "what was under way is not trusted"


def test_a_fork_is_told_although_nobody_answers(right: "LightChain", forged: "LightChain") -> None:
    anchor = _anchor(Fake(forged, answers=False), Fake(right, "honest", answers=False))
    with pytest.raises(InvalidBlock, match="at nobody"):
        anchor.follow(Height(30))


def test_a_witness_that_is_behind_is_waited_for(right: "LightChain") -> None:
    time, witness = Time(), Fake(right, "witness", has=20)
    anchor = _anchor(Fake(right), witness, time=time)
    with pytest.raises(Distrust, match="ahead_of_time"):
        _anchor(_hasty(right), Fake(right, "witness", has=25)).follow(Height(30))
    with pytest.raises(Unavailable, match="the witness has no block 30"):
        anchor.follow(Height(30))
    assert time.ms - 32_000 >= 2 * TERMS.drift + light.LAG_MS
    witness.has = 30
    assert anchor.follow(Height(30)) == right.at(30)


def _hasty(right: "LightChain") -> Fake:
    """Its block 30 has a time that the others' height 22 had already passed (forward lunatic)."""
    chain = type(right)(_sets()[:3])
    late = right.at(30)
    header = replace(late.header, time=Millis(22_000))
    made = right.signed(header, right.at(9).validators, FOUR)
    header = replace(header, validators_hash=right.at(9).validators.hash())
    made = right.signed(header, right.at(9).validators, FOUR)
    chain.blocks = [*right.blocks[:29], made]
    return Fake(chain)


def test_a_witness_without_any_block_is_named(right: "LightChain") -> None:
    with pytest.raises(Unavailable, match="the witness has no block 30"):
        _anchor(Fake(right), Fake(right, "witness", has=0)).follow(Height(30))


def test_too_far_down_asks_for_an_earlier_block(
    right: "LightChain", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(light, "DOWN_MAX", 5)
    anchor = _anchor(Fake(right), height=20)
    assert anchor.follow(Height(15)) == right.at(15)
    for height in (9, 0):
        with pytest.raises(Unavailable, match="more than 5 below"):
            anchor.follow(Height(height))


# Over HTTP.


def _source(respond: "dict[str, httpx.Response]") -> HttpSource:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path not in respond:
            raise httpx.ConnectError("no")
        return respond[request.url.path]

    return HttpSource("http://node", httpx.Client(transport=httpx.MockTransport(answer)))


def test_light_blocks_come_over_http(right: "LightChain") -> None:
    shown = {"light_block": encode_record(right.at(3)).hex()}
    source = _source(
        {
            "/v1/light/3": httpx.Response(200, json=shown),
            "/v1/light/last": httpx.Response(200, json=shown),
            "/v1/light/4": httpx.Response(404),
            "/v1/light/5": httpx.Response(200, json={"light_block": "zz"}),
            "/v1/light/6": httpx.Response(200, content=b"<html>"),
            "/v1/light/7": httpx.Response(500),
            "/v1/light/8": httpx.Response(200, json=[]),
            "/v1/light/9": httpx.Response(200, json={"light_block": "c1"}),
            "/v1/light/10": httpx.Response(200, content=b"1" * (light.ANSWER_BYTES_MAX + 1)),
            "/v1/light/attacks": httpx.Response(200, json={}),
        }
    )
    assert source.block(Height(3)) == source.block(None) == right.at(3)
    assert source.block(Height(4)) is None
    source.accuse(LightAttack(conflicting=right.at(3), common_height=Height(2)))
    for height in (5, 6, 8, 9):
        with pytest.raises(Malformed):
            source.block(Height(height))
    for height in (7, 10):
        with pytest.raises(Unavailable, match="no light blocks"):
            source.block(Height(height))
    with pytest.raises(Unavailable, match="does not answer"):
        source.block(Height(11))


def test_an_answer_without_an_end_is_left(right: "LightChain") -> None:
    """What a node sends is measured while it comes, not once it is all here."""
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield bytes(1024)

    source = _source({"/v1/light/3": httpx.Response(200, content=endless())})
    with pytest.raises(Unavailable, match="no light blocks"):
        source.block(Height(3))
    assert sent <= light.ANSWER_BYTES_MAX + 2 * 1024


def test_an_answer_that_trickles_is_left() -> None:
    """Each piece comes within the time for one; all of them together do not."""
    now = 0.0

    def seconds() -> float:
        return now

    def trickle() -> Iterator[bytes]:
        nonlocal now
        while True:
            now += light.ANSWER_S - 1
            yield b" "

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle())

    http = httpx.Client(transport=httpx.MockTransport(answer))
    with pytest.raises(Unavailable, match="not whole after 60 s"):
        HttpSource("http://node", http, seconds).block(Height(3))
    assert now < light.WHOLE_ANSWER_S + 2 * light.ANSWER_S
