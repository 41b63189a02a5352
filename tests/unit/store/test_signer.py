"""The signer never says two things at once, whatever it is asked and wherever it crashed."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tfchain.base import crypto
from tfchain.base.codec import encode
from tfchain.errors import Rejected, Unavailable
from tfchain.store.signer import (
    MESSAGE_BYTES_MAX,
    NOTHING_SIGNED,
    PRECOMMIT,
    PREVOTE,
    PROPOSAL,
    MemoryMemo,
    Signer,
    end_of,
)
from tfchain.store.signer_files import create_signer_files, encode_state, open_signer

Run = Callable[..., subprocess.CompletedProcess[str]]
Files = tuple[Path, Path]
SEED = bytes(range(32))

OPEN_ONCE = """
import sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.signer_files import open_signer
try:
    open_signer(Path(sys.argv[1]), Path(sys.argv[2])).close()
except Unavailable as refusal:
    print(refusal)
"""

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.signer_files import open_signer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
signer = open_signer(Path(sys.argv[1]), Path(sys.argv[2]))
signer.sign(5, 0, 2, b"kept")
resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))
for message in (b"lost", b"after"):
    try:
        print(signer.sign(6, 0, 2, message))
    except Unavailable as refusal:
        print(refusal)
"""

KILLED_AFTER_SIGNING = """
import os, signal, sys
from pathlib import Path
from tfchain.store.signer_files import open_signer
signer = open_signer(Path(sys.argv[1]), Path(sys.argv[2]))
print(signer.sign(7, 1, 3, b"precommit").hex(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    create_signer_files(tmp_path / "key", tmp_path / "state", SEED)
    return tmp_path / "key", tmp_path / "state"


@pytest.fixture(params=["memory", "disk"])
def signer(request: pytest.FixtureRequest, files: Files) -> Iterator[Signer]:
    made = Signer(SEED, MemoryMemo()) if request.param == "memory" else open_signer(*files)
    yield made
    made.close()


def test_a_signature_verifies_under_the_key(signer: Signer) -> None:
    assert signer.key == crypto.public_key(SEED)
    assert crypto.verify(signer.key, b"vote", signer.sign(1, 0, PREVOTE, b"vote"))


def test_the_last_place_is_told(signer: Signer) -> None:
    assert signer.last() == (0, 0, 0)
    signer.sign(3, 1, PREVOTE, b"vote")
    assert signer.last() == (3, 1, PREVOTE)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param((5, 2, PRECOMMIT), id="a later step"),
        pytest.param((5, 3, PROPOSAL), id="a later round"),
        pytest.param((6, 0, PROPOSAL), id="a later height"),
    ],
)
def test_a_later_place_is_signed(signer: Signer, place: tuple[int, int, int]) -> None:
    """1.6.5, 1.6.4."""
    signer.sign(5, 2, PREVOTE, b"vote")
    assert crypto.verify(signer.key, b"next", signer.sign(*place, b"next"))
    assert signer.last() == place


@pytest.mark.parametrize("message", [b"vote", b"other"], ids=["same bytes", "other bytes"])
@pytest.mark.parametrize(
    "place",
    [
        pytest.param((5, 2, PROPOSAL), id="an earlier step"),
        pytest.param((5, 1, PRECOMMIT), id="an earlier round"),
        pytest.param((4, 9, PRECOMMIT), id="an earlier height"),
    ],
)
def test_an_earlier_place_is_refused(
    signer: Signer, place: tuple[int, int, int], message: bytes
) -> None:
    """1.9.2, back to the past, 1.6.4."""
    signer.sign(5, 2, PREVOTE, b"vote")
    with pytest.raises(Rejected, match="is signed") as refusal:
        signer.sign(*place, message)
    assert refusal.value.code == "double_sign"
    assert signer.last() == (5, 2, PREVOTE)


def test_the_same_again_gives_the_same_signature(signer: Signer) -> None:
    first = signer.sign(5, 2, PREVOTE, b"vote")
    assert signer.sign(5, 2, PREVOTE, b"vote") == first


def test_something_else_at_the_same_place_is_refused(signer: Signer) -> None:
    signer.sign(5, 2, PREVOTE, b"vote")
    with pytest.raises(Rejected, match="something else is signed") as refusal:
        signer.sign(5, 2, PREVOTE, b"other")
    assert refusal.value.code == "double_sign"


@pytest.mark.parametrize("step", [0, 4])
def test_an_unknown_step_is_our_bug(signer: Signer, step: int) -> None:
    with pytest.raises(AssertionError):
        signer.sign(1, 0, step, b"vote")


def test_the_longest_message_is_kept(files: Files) -> None:
    signer = open_signer(*files)
    first = signer.sign(2**64 - 1, 2**32 - 1, PRECOMMIT, bytes(MESSAGE_BYTES_MAX))
    signer.close()
    again = open_signer(*files)
    assert again.sign(2**64 - 1, 2**32 - 1, PRECOMMIT, bytes(MESSAGE_BYTES_MAX)) == first
    again.close()


def test_a_message_too_long_is_our_bug(signer: Signer) -> None:
    with pytest.raises(AssertionError):
        signer.sign(1, 0, PREVOTE, bytes(MESSAGE_BYTES_MAX + 1))
    assert signer.last() == (0, 0, 0)


def test_a_memory_memo_outlives_the_signer_that_crashes() -> None:
    memo = MemoryMemo()
    first = Signer(SEED, memo).sign(5, 0, PREVOTE, b"vote")
    reborn = Signer(SEED, memo)
    assert reborn.sign(5, 0, PREVOTE, b"vote") == first
    with pytest.raises(Rejected):
        reborn.sign(5, 0, PREVOTE, b"other")


def test_a_kill_after_signing_gives_the_same_signature_and_never_another(
    files: Files, other_process: Run
) -> None:
    """Scenario 22."""
    sent = bytes.fromhex(other_process(KILLED_AFTER_SIGNING, *files).stdout)
    signer = open_signer(*files)
    with pytest.raises(Rejected):
        signer.sign(7, 1, PRECOMMIT, b"nil")
    assert signer.sign(7, 1, PRECOMMIT, b"precommit") == sent
    signer.close()


def test_the_state_is_on_the_disk_before_the_signature_leaves(files: Files) -> None:
    """1.6.3: a state that cannot be written lets no signature out."""
    signer = open_signer(*files)
    files[1].with_name("state.new").mkdir()
    with pytest.raises(Unavailable, match="cannot write the signer state"):
        signer.sign(1, 0, PREVOTE, b"vote")
    files[1].with_name("state.new").rmdir()
    with pytest.raises(Unavailable, match="uncertain"):
        signer.sign(1, 0, PREVOTE, b"vote")
    signer.close()


def test_a_full_disk_lets_no_signature_out(files: Files, other_process: Run) -> None:
    """Scenario 27."""
    first, after = other_process(FULL_DISK, *files).stdout.splitlines()
    assert "cannot write the signer state (File too large)" in first
    assert "uncertain" in after
    signer = open_signer(*files)
    assert signer.last() == (5, 0, PREVOTE)
    signer.close()


def test_nothing_is_signed_after_closing(signer: Signer) -> None:
    signer.close()
    with pytest.raises(Unavailable):
        signer.sign(1, 0, PREVOTE, b"vote")


def test_a_second_process_with_the_key_is_refused(files: Files, other_process: Run) -> None:
    """1.6.8."""
    signer = open_signer(*files)
    assert "the validator key is in use" in other_process(OPEN_ONCE, *files).stdout
    signer.close()
    assert other_process(OPEN_ONCE, *files).stdout == ""


def test_one_key_cannot_sign_from_two_states(files: Files, tmp_path: Path) -> None:
    signer = open_signer(*files)
    (tmp_path / "other").write_bytes(files[1].read_bytes())
    with pytest.raises(Unavailable, match="the validator key is in use"):
        open_signer(files[0], tmp_path / "other")
    signer.close()


def test_two_copies_of_a_key_cannot_share_a_state(files: Files, tmp_path: Path) -> None:
    signer = open_signer(*files)
    (tmp_path / "copy").write_bytes(files[0].read_bytes())
    (tmp_path / "copy").chmod(0o600)
    with pytest.raises(Unavailable, match="the signer state is in use"):
        open_signer(tmp_path / "copy", files[1])
    signer.close()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_key_that_others_may_touch_is_refused(files: Files, mode: int) -> None:
    files[0].chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        open_signer(*files)


def test_a_new_key_file_is_private(files: Files) -> None:
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(SEED.hex().encode()[:-1], id="too short"),
        pytest.param(SEED.hex().encode() + b"00", id="too long"),
        pytest.param(b"g" * 64, id="no digits"),
        pytest.param(b"\xff" * 64, id="no text"),
        pytest.param(SEED.hex().encode() * 1000, id="far too long"),
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(files: Files, text: bytes) -> None:
    files[0].write_bytes(text)
    with pytest.raises(Unavailable, match="the validator key is damaged") as refusal:
        open_signer(*files)
    assert SEED.hex()[:16] not in str(refusal.value)


def test_a_missing_key_is_refused(files: Files) -> None:
    files[0].unlink()
    with pytest.raises(Unavailable, match="cannot open the validator key"):
        open_signer(*files)


def test_a_missing_state_is_never_begun_anew(files: Files) -> None:
    files[1].unlink()
    with pytest.raises(Unavailable, match=r"the signer state is missing.*must not sign again"):
        open_signer(*files)
    assert not files[1].exists()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[:-1], id="cut"),
        pytest.param(lambda content: content + b"\x00", id="longer"),
        pytest.param(lambda content: content[:70] + b"\xff" + content[71:], id="changed"),
        pytest.param(lambda content: content * 100, id="far too long"),
    ],
)
def test_a_damaged_state_is_refused(files: Files, damage: Callable[[bytes], bytes]) -> None:
    files[1].write_bytes(damage(files[1].read_bytes()))
    with pytest.raises(Unavailable, match="the signer state is damaged"):
        open_signer(*files)


def test_the_state_of_another_key_is_refused(files: Files) -> None:
    files[1].write_bytes(encode_state(NOTHING_SIGNED, crypto.public_key(bytes(32))))
    with pytest.raises(Unavailable, match="belongs to another key"):
        open_signer(*files)


def test_a_state_of_another_version_is_refused(files: Files) -> None:
    body = crypto.public_key(SEED) + encode([2, 0, 0, 0])
    files[1].write_bytes(crypto.digest(b"tf/signer-state", body) + body)
    with pytest.raises(Unavailable, match="another version"):
        open_signer(*files)


def test_a_refused_opening_gives_the_locks_back(files: Files) -> None:
    content = files[1].read_bytes()
    files[1].write_bytes(b"")
    with pytest.raises(Unavailable):
        open_signer(*files)
    files[1].write_bytes(content)
    open_signer(*files).close()


def test_an_existing_key_is_not_written_over(files: Files) -> None:
    with pytest.raises(Unavailable, match="there already"):
        create_signer_files(*files, bytes(32))
    assert files[0].read_text().strip() == SEED.hex()


def test_the_key_is_in_no_text(signer: Signer) -> None:
    signer.sign(5, 0, PREVOTE, b"vote")
    texts = [repr(signer), str(signer), repr(signer.last())]
    for place in ((5, 0, PREVOTE), (4, 0, PREVOTE)):
        with pytest.raises(Rejected) as refusal:
            signer.sign(*place, b"other")
        texts += [str(refusal.value), repr(refusal.value)]
    signer.close()
    with pytest.raises(Unavailable) as closed:
        signer.sign(9, 0, PREVOTE, b"vote")
    texts += [str(closed.value), repr(closed.value)]
    assert all(SEED.hex() not in text and repr(SEED) not in text for text in texts)


def test_the_key_is_not_in_the_state_file(files: Files) -> None:
    signer = open_signer(*files)
    signer.sign(5, 0, PREVOTE, b"vote")
    signer.close()
    content = b"".join(path.read_bytes() for path in files[1].parent.iterdir() if path != files[0])
    assert SEED not in content
    assert SEED.hex().encode() not in content


def test_a_skipped_height_is_never_spoken_at_again(signer: Signer) -> None:
    """1.7.6: without the log that led to its words, a validator has no lock to speak from."""
    signer.sign(5, 2, PREVOTE, b"vote")
    signer.skip_to_end_of(5)
    for place in ((5, 3, PROPOSAL), (5, 4_000_000_000, PRECOMMIT), (4, 0, PREVOTE)):
        with pytest.raises(Rejected, match="double_sign"):
            signer.sign(*place, b"next")
    assert signer.last() == end_of(5)
    assert signer.sign(6, 0, PROPOSAL, b"next")


def test_skipping_never_goes_back(signer: Signer) -> None:
    signer.sign(5, 2, PREVOTE, b"vote")
    signer.skip_to_end_of(4)
    assert signer.last() == (5, 2, PREVOTE)


def test_a_skipped_height_outlives_a_restart(files: Files) -> None:
    first = open_signer(*files)
    first.skip_to_end_of(5)
    first.close()
    with pytest.raises(Unavailable, match="uncertain"):
        first.skip_to_end_of(6)
    again = open_signer(*files)
    assert again.last() == end_of(5)
    again.close()
