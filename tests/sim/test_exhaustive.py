"""One height, state by state: none is bad, and a fault in the machine makes one that is."""

import pytest

from tfchain.cli.exhaustive import tell_all
from tfchain.ledger import validators
from tfchain.sim.exhaustive import Search


def _places(states: int) -> dict[str, int]:
    """Which index has which role: the set is sorted by address."""
    return {Search(liar, states).found.liar: liar for liar in range(4)}


ROLES = _places(1)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_liar_breaks_anything_within_the_bound(role: str) -> None:
    found = Search(ROLES[role], 500).run()
    assert found.broken == ""
    assert found.states >= 500
    assert found.merged > 0
    assert found.rules["1.1.3 prevoted a fresh block"] > 0


def test_the_same_states_come_on_every_run() -> None:
    first, second = (Search(ROLES["no proposer"], 300).run() for _ in range(2))
    assert first == second


def test_mirror_images_count_once() -> None:
    """Two machines that never propose are alike when the liar is a proposer."""
    lone = Search(ROLES["proposer of round 0"], 400)
    lone.run()
    assert lone._alike is not None
    one, other = lone._alike
    for state in sorted(lone._seen)[:50]:
        image = [lone._lives.image(number, one, other) for number in state]
        mirrored = (image[0], image[2], image[1])
        assert mirrored == state or mirrored not in lone._seen


def test_a_quorum_one_too_low_decides_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """S1, and the way there is told."""
    monkeypatch.setattr(validators, "quorum_of", lambda total: 2 * total // 3)
    found = Search(ROLES["proposer of round 1"], 20_000).run()
    assert found.broken.startswith("S1")
    assert len(found.story) > 10
    assert any("TimedOut" in line for line in found.story)


def test_a_tiny_world_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert tell_all(200, jobs=1)
    told = capsys.readouterr().out
    assert told.count("liar: ") == 4
    assert "no state breaks agreement or validity" in told
