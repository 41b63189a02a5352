"""A crash at any record of the log: the machine comes to the same state, and no word is unsaid (P35)."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Height, Millis
from tfchain.bft import events as bft
from tfchain.bft.gossip import view_of
from tfchain.bft.messages import Message, same_statement
from tfchain.errors import Divergence
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica.council import BLOCKS_HELD_MAX
from tfchain.replica.log import block_record, entries_of, event_record, height_record

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Kit, Node

PEER = b"p" * 32


def _state(node: "Node") -> tuple[object, ...]:
    """What the machine is in."""
    machine = node.replica.council.machine
    return (
        view_of(machine),
        (machine.locked_id, machine.locked_round, machine.valid_id, machine.valid_round),
        machine.decided,
        machine.wanted,
    )


def _record(kit: "type[Kit]") -> tuple[list[bytes], list[Message], int, str]:
    """Two rounds of height 3 with a proposal of our own in the second, up to the decision.

    The log, what was signed, and the number of the validator.
    """
    text = kit.genesis_of(4)
    author = kit.Author(text, 4).chain(2)
    second = author.tip.validators.proposer_index(1)  # type: ignore[arg-type]
    number = author.number_of(second)
    node = kit.Node(text, number)
    node.store.write(list(author.store.scan(b"")))
    node.restart()
    node.now = author.tip.time + 1_000
    node.fire("begin")
    others = [each for each in author.numbers if each != number]
    first = author.draft()
    payload = wire.encode_proposal(author.proposal(first), first.raw)
    node.hear(PEER, wire.PROPOSAL, payload)

    def vote(kind: int, block_id: bytes, round_: int) -> None:
        for each in others:
            said = author.vote(kind, block_id, each, round_)
            node.hear(PEER, wire.VOTE, wire.encode_vote(said))

    vote(1, b"", 0)
    vote(2, b"", 0)
    machine = node.replica.council.machine
    timer = ev.Timer(name=ev.ROUND, height=Height(3), round=0, step=bft.PRECOMMIT_STEP)
    node.give(ev.Fired(timer=timer, now_ms=Millis(node.now)))
    assert machine.round == 1
    ours = node.words[-1]
    vote(1, ours.block_id, 1)
    vote(2, ours.block_id, 1)
    assert node.height == 3
    first_record = node.records.index(height_record(Height(3)))
    last_record = node.records.index(height_record(Height(4)))
    return node.records[first_record:last_record], list(node.words), number, text


@pytest.fixture(scope="module")
def recorded(kit: "type[Kit]") -> tuple[list[bytes], list[Message], int, str]:
    return _record(kit)


def _reborn(kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]) -> "Node":
    """The validator with the store of height 2 and a signer that has forgotten nothing."""
    _, _, number, text = recorded
    node = kit.Node(text, number)
    author = kit.Author(text, 4).chain(2)
    node.store.write(list(author.store.scan(b"")))
    node.now = author.tip.time + 1_500
    node.replica = node._replica()
    return node


def test_what_was_recorded_is_worth_it(
    recorded: tuple[list[bytes], list[Message], int, str],
) -> None:
    log, words, _, _ = recorded
    assert len(log) > 15
    assert len(words) == 5, "two votes, a proposal, two votes"


def test_a_log_cut_after_any_record_leads_to_the_same_words_or_none(
    kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]
) -> None:
    log, words, _, _ = recorded
    for length in range(len(log) + 1):
        node = _reborn(kit, recorded)
        node.memo.last = _memo_after(kit, recorded, words)
        node.restart(tuple(log[:length]))
        node.fire("begin")
        for said in [word for word in node.words if word.height == 3]:
            (same,) = [
                word
                for word in words
                if (type(word), word.round) == (type(said), said.round)
                and getattr(word, "kind", 0) == getattr(said, "kind", 0)
            ]
            assert said == same, length


def _memo_after(kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str], words):  # type: ignore[no-untyped-def]
    """What the signer had on disk when the log had all of it: its very last word."""
    node = _reborn(kit, recorded)
    node.restart(tuple(recorded[0]))
    from tfchain.bft.messages import sign_bytes  # noqa: PLC0415 -- only here

    last = words[-1]
    text = sign_bytes(node.replica.council.params.chain_id, last)
    assert node.signer is not None
    node.signer.sign(last.height, last.round, last.kind + 1, text)
    return node.memo.last


def test_a_log_cut_after_any_record_leads_to_the_same_state(
    kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]
) -> None:
    """Told the rest by its peers and its signer, it ends where it was without the crash."""
    log, _, _, _ = recorded
    whole = _reborn(kit, recorded)
    whole.restart(tuple(log))
    assert whole.height == 3, "a decision in the log is carried out again"
    for length in range(1, len(log) + 1):
        node = _reborn(kit, recorded)
        node.restart(tuple(log[:length]))
        if node.height == 3:
            continue
        again = _reborn(kit, recorded)
        again.restart(tuple(node.log))
        assert _state(again) == _state(node), length


def test_the_log_alone_gives_the_state_that_the_events_gave(
    kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]
) -> None:
    """Step by step: a machine told entry after entry stands where a restart there stands."""
    log, _, _, _ = recorded
    entries = entries_of(log, Height(3))
    node = _reborn(kit, recorded)
    node.restart((height_record(Height(3)),))
    machine = node.replica.council.machine
    told = 0
    for length, payload in enumerate(log, start=1):
        if payload[:1] != b"\x02":
            continue
        machine.receive(_event(entries, told))
        told += 1
        other = _reborn(kit, recorded)
        effects = _replay(other, tuple(log[:length]))
        assert view_of(other.replica.council.machine) == view_of(machine), length
        assert other.replica.council.machine.decided == machine.decided
        assert not any(isinstance(effect, fx.Blame) for effect in effects)


def _event(entries, number: int) -> bft.Event:  # type: ignore[no-untyped-def]
    events = [entry for entry in entries if isinstance(entry, bft.Event)]
    event: bft.Event = events[number]
    return event


def _replay(node: "Node", log: tuple[bytes, ...]) -> list[fx.Effect]:
    """Start, but carry nothing out: the state is the log's alone. No block is built meanwhile."""
    council = node.replica.council
    council._build = lambda round_: None  # type: ignore[method-assign]
    return node.replica.step(ev.Start(now_ms=Millis(node.now), log=log))


def test_words_already_signed_are_not_asked_for_again(
    kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]
) -> None:
    log, _, _, _ = recorded
    for length in range(len(log)):
        signed = [
            entry.message
            for entry in entries_of(log[: length + 1], Height(3))
            if isinstance(entry, bft.Signed)
        ]
        node = _reborn(kit, recorded)
        asked = [
            effect.message
            for effect in _replay(node, tuple(log[: length + 1]))
            if isinstance(effect, fx.Sign)
        ]
        assert not any(same_statement(one, other) for one in asked for other in signed), length


def test_a_candidate_in_the_log_that_was_not_checked_is_checked_again(
    kit: "type[Kit]", recorded: tuple[list[bytes], list[Message], int, str]
) -> None:
    log, _, _, _ = recorded
    at = next(place for place, each in enumerate(log) if each[:1] == b"\x01")
    node = _reborn(kit, recorded)
    effects = node.restart(tuple(log[: at + 1]))
    assert any(isinstance(effect, fx.Verify) for effect in effects)
    assert node.words, "and then voted for"


def test_a_log_of_the_height_before_is_passed_over(kit: "type[Kit]") -> None:
    """1.7.3: the store has the height, and its end marker was lost."""
    node = kit.Node(kit.genesis_of(1), 1)
    node.start()
    node.now += 1_000
    old: tuple[bytes, ...] = ()
    for _ in range(2):
        node.fire("begin")
    old = tuple(
        node.records[
            node.records.index(height_record(Height(2))) : node.records.index(
                height_record(Height(3))
            )
        ]
    )
    assert node.height == 2
    node.restart(old)
    assert node.replica.council.machine.step == bft.NEW
    assert node.log[-1] == height_record(Height(3))


@pytest.mark.parametrize(
    ("log", "named"),
    [
        pytest.param((height_record(Height(9)),), "at height 9, the store asks for 3", id="ahead"),
        pytest.param((height_record(Height(1)),), "at height 1, the store asks for 3", id="behind"),
        pytest.param((event_record(bft.Started()),), "at height 0", id="no height at all"),
        pytest.param((b"",), "what nobody writes: an unknown record", id="an empty record"),
        pytest.param((b"\x07x",), "an unknown record", id="an unknown record"),
        pytest.param((b"\x00\x01",), "a height has eight bytes", id="a short height"),
        pytest.param((b"\x01\xc1",), "what nobody writes", id="no block"),
        pytest.param((b"\x02\xc1",), "what nobody writes", id="no event"),
    ],
)
def test_a_log_of_anything_else_is_refused_by_name(log: tuple[bytes, ...], named: str) -> None:
    with pytest.raises(Divergence, match=named):
        entries_of(log, Height(3))


def test_an_empty_log_says_nothing() -> None:
    assert entries_of((), Height(3)) == []


def test_nothing_is_signed_before_what_led_to_it_is_on_disk(kit: "type[Kit]") -> None:
    """1.7.2: lost records and a signer that remembers would leave a lone validator silent for ever."""
    node = kit.Node(kit.genesis_of(1), 1)
    node.start()
    node.now += 1_000
    effects = node.fire("begin")
    signs = [place for place, effect in enumerate(effects) if isinstance(effect, fx.Sign)]
    assert len(signs) == 3
    for place in signs:
        before = [type(effect) for effect in effects[:place]]
        last_log = max(at for at, kind in enumerate(before) if kind is fx.Log)
        assert fx.SyncLog in before[last_log:]


@pytest.mark.parametrize("lost", range(1, 12))
def test_a_lone_validator_goes_on_however_much_unsynced_log_is_lost(
    kit: "type[Kit]", lost: int
) -> None:
    """The process dies at some effect; the disk has what was synced, the signer what it signed."""
    node = kit.Node(kit.genesis_of(1), 1)
    node.start()
    node.now += 1_000
    work: list[ev.Event] = [
        ev.Fired(timer=ev.Timer(name=ev.BEGIN, height=Height(1)), now_ms=Millis(node.now))
    ]
    effects = 0
    while work and effects < 2 * lost:
        for effect in node.replica.step(work.pop(0)):
            effects += 1
            if effects >= 2 * lost:
                break
            answer = node._carry(effect)
            if answer is not None:
                work.append(answer)
    del node.log[node.synced :]
    node.restart()
    town = kit.Town([node])
    town.now = node.now
    town.collect(node)
    town.run(8_000)
    assert node.height >= 2
    assert node.refused == []


def test_more_candidates_than_are_held_come_back_from_the_log(
    kit: "type[Kit]",
) -> None:
    text = kit.genesis_of(1)
    author = kit.Author(text, 1)
    log = [height_record(Height(1))]
    log += [block_record(author.draft(after_ms=1_000 + n)) for n in range(BLOCKS_HELD_MAX + 1)]
    node = kit.Node(text, 1)
    node.start(tuple(log))
    assert len(node.replica.council.blocks) == BLOCKS_HELD_MAX + 1
