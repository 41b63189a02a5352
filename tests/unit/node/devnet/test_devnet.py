"""A devnet's parts: genesis and homes, the mirror, the link, processes, and what people see."""
# ruff: noqa: ASYNC110, ASYNC240 -- other processes are waited for, and their files looked at

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from rich.console import Console

from tfchain.base.units import UTFT_PER_TFT, Height, Seconds, Utft
from tfchain.chain.export_records import BLOCK, GENESIS
from tfchain.chain.genesis import read_genesis
from tfchain.cli.devnet_view import Watch, line_of
from tfchain.errors import Divergence, InvalidBlock, Malformed, Unavailable
from tfchain.node.devnet import link as devnet_link
from tfchain.node.devnet.homes import (
    ALIKE,
    Member,
    Stamp,
    free_ports,
    key_of,
    lay_out,
    stamped,
    template_text,
)
from tfchain.node.devnet.mirror import Mirror
from tfchain.node.devnet.network import BatchLine, Line, Picture
from tfchain.node.devnet.validators import Process
from tfchain.node.home import load_config
from tfchain.store.export import MAGIC, frames

MakeLedger = Callable[..., Any]
STAMP = Stamp(time=1_700_000_000, salt="pepper")


# --- genesis and homes ----------------------------------------------------------------------------


def test_a_template_is_stamped_with_time_salt_and_people() -> None:
    genesis = read_genesis(stamped(template_text(), STAMP, 1, 4))
    assert (genesis.time, genesis.salt) == (1_700_000_000, "pepper")
    assert len(genesis.validators) == len(genesis.guardians) == 4
    assert genesis.bonds == (100 * UTFT_PER_TFT,) * 4
    held = {row.address for row in genesis.accounts}
    assert {key_of(1, "faucet").address, *genesis.guardians} <= held


def test_networks_of_one_template_differ() -> None:
    texts = [
        stamped(template_text(), STAMP, 1, 4),
        stamped(template_text(), STAMP, 2, 4),
        stamped(template_text(), Stamp(time=1_700_000_001, salt="pepper"), 1, 4),
        stamped(template_text(), Stamp(time=1_700_000_000, salt="sugar"), 1, 4),
    ]
    assert len({read_genesis(text).params.chain_id for text in texts}) == 4


@pytest.mark.parametrize(
    "template",
    [
        pytest.param('salt = ""\n[x]\ntime = 0\n', id="no time at the top"),
        pytest.param('time = 0\ntime = 0\nsalt = ""\n', id="two times"),
        pytest.param("time = 0\n", id="no salt"),
    ],
)
def test_a_template_without_its_lines_is_malformed(template: str) -> None:
    with pytest.raises(Malformed, match="one line"):
        stamped(template, STAMP, 1, 1)


def test_homes_know_each_other_and_have_ports_of_their_own(tmp_path: Path) -> None:
    genesis = stamped(template_text(), STAMP, 1, 3)
    network = lay_out(tmp_path, genesis, 1, 3, "sqlite")
    configs = [load_config(member.home) for member in network.members]
    listening = [config.p2p.port for config in configs]
    answering = [config.http.port for config in configs]
    assert len({*listening, *answering}) == 6
    for place, config in enumerate(configs):
        assert [peer.port for peer in config.peers] == listening[:place] + listening[place + 1 :]
        assert (config.store, config.guardian_automatic, config.anyone) == ("sqlite", True, False)
    with pytest.raises(Unavailable, match="not empty"):
        lay_out(tmp_path, genesis, 1, 3, "sqlite")


def test_what_is_alike_in_all_homes_is_given_once(tmp_path: Path) -> None:
    genesis = stamped(template_text(), STAMP, 1, 1)
    base = replace(ALIKE, anyone=True, log="debug", log_format="json")
    network = lay_out(tmp_path, genesis, 1, 1, "sqlite", base=base)
    found = load_config(network.members[0].home)
    assert (found.anyone, found.log, found.log_format) == (True, "debug", "json")
    assert found.guardian_automatic
    assert network.web.verb[-4:] == ["--log-level", "debug", "--log-format", "json"]


def test_free_ports_differ() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(0 < port < 1 << 16 for port in ports)


# --- mirror ---------------------------------------------------------------------------------------


def test_a_mirror_shows_what_the_chain_is(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(3)
    ledger.until(40)
    again = Mirror(ledger.text)
    for number in range(1, ledger.chain.height() + 1):
        again.take(ledger.chain.raw_block(Height(number)))
    assert again.height == ledger.chain.height()
    assert again.nodes_up() == ledger.mirror.nodes_up() > 0
    assert [batch.period for batch in again.batches()] == [0]
    assert again.minted() == 0
    again.take(ledger.chain.raw_block(ledger.chain.height()))
    assert again.height == ledger.chain.height()


def test_a_mirror_takes_blocks_in_order_and_of_its_own_chain(make_any_ledger: MakeLedger) -> None:
    one, other = make_any_ledger(1, 1), make_any_ledger(1, 1)
    one.until(3)
    other.found()
    mirror = Mirror(one.text)
    with pytest.raises(InvalidBlock, match="where 1 is due"):
        mirror.take(one.chain.raw_block(Height(2)))
    mirror.take(one.chain.raw_block(Height(1)))
    with pytest.raises(Divergence, match="two validators"):
        mirror.take(other.chain.raw_block(Height(1)))
    with pytest.raises(Malformed):
        mirror.take(b"\x00")


# --- link -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_blocks_are_cut_out_of_a_stream_however_it_comes(size: int) -> None:
    content = b"".join(frames([(BLOCK, b"one"), (GENESIS, b"no block"), (BLOCK, b"two" * 50)]))
    held, found = bytearray(), []
    for at in range(0, len(content), size):
        held += content[at : at + size]
        while (record := devnet_link._record(held)) is not None:
            found.append(record)
    assert found[:3] == [(BLOCK, b"one"), (GENESIS, b"no block"), (BLOCK, b"two" * 50)]
    assert held == b""


def test_a_record_over_its_bound_is_malformed() -> None:
    with pytest.raises(Malformed, match="a record of"):
        devnet_link._record(bytearray(MAGIC + b"\x02\xff\xff\xff\xff"))


async def test_a_validator_that_is_not_there_is_unavailable() -> None:
    link = devnet_link.Link(f"http://127.0.0.1:{free_ports(1)[0]}")
    with pytest.raises(Unavailable):
        await link.height()
    with pytest.raises(Unavailable):
        await link.submit([b"x"])
    with pytest.raises(Unavailable, match="stream"):
        async with link.blocks(1):
            pass


# --- processes ------------------------------------------------------------------------------------


def member(tmp_path: Path) -> Member:
    genesis = stamped(template_text(), STAMP, 1, 1)
    return lay_out(tmp_path, genesis, 1, 1, "auto").members[0]


def starter(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


async def test_a_process_that_ends_is_told_with_the_line_that_starts_it(tmp_path: Path) -> None:
    lines: list[str] = []
    program = starter("import sys; print('so it goes'); sys.exit(3)")
    validator = Process(member(tmp_path), again=False, log=lines.append, starter=program)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(validator.keep)
        while len(lines) < 4:
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert lines[0].startswith("validator-0 runs as process ")
    assert lines[1] == "validator-0 ended with 3"
    assert lines[2] == "validator-0: so it goes"
    assert "start it again with: " in lines[3]
    assert f"start --home {tmp_path / 'validator-0'}" in lines[3]
    assert validator.pid is None


async def test_a_killed_process_is_started_again_if_asked(tmp_path: Path) -> None:
    lines: list[str] = []
    program = starter("import sys; sys.stdin.read()")
    validator = Process(member(tmp_path), True, lines.append, program, again_s=0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(validator.keep)
        first = await started(validator, 1)
        os.kill(first, signal.SIGKILL)
        second = await started(validator, 2)
        nursery.cancel_scope.cancel()
    assert second != first
    assert lines[1] == "validator-0 ended with -9"
    assert len(lines) == 3
    assert not Path(f"/proc/{second}").exists()


async def started(validator: Process, times: int) -> int:
    while validator.starts < times or validator.pid is None:
        await trio.sleep(0.01)
    return validator.pid


async def test_one_that_will_not_go_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True)"
    program = starter(deaf + "; time.sleep(60)")
    one = member(tmp_path)
    validator = Process(one, again=False, log=print, starter=program, leave_s=0.3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(validator.keep)
        pid = await started(validator, 1)
        while b"up" not in (one.home.folder / "log").read_bytes():
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert not Path(f"/proc/{pid}").exists()


def test_a_process_under_watch_ends_when_its_pipe_does() -> None:
    program = (
        "import threading, time\n"
        "from tfchain.node.devnet.child import watch\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == b"up\n"
        process.stdin.close()
        assert process.wait(20) == -signal.SIGTERM


# --- what people see ------------------------------------------------------------------------------


def picture(differing: int = 0) -> Picture:
    batch = BatchLine(
        period=0,
        state="sealed",
        ends=Seconds(75),
        committed=4,
        agreeing=4 - differing,
        differing=differing,
        guardians=4,
        receipts=12,
        total=15_000_000,
        minted=0,
    )
    up = Line(number=0, url="http://127.0.0.1:1", pid=7, height=99)
    down = Line(number=1, url="http://127.0.0.1:2", pid=None, height=None)
    return Picture(
        chain_id="devnet-00000000",
        height=Height(99),
        time=Seconds(1),
        nodes_up=11,
        nodes=12,
        minted=Utft(25_199_999),
        batches=(batch,),
        validators=(up, down),
    )


def test_a_picture_in_a_line_says_what_matters() -> None:
    line = line_of(picture())
    for words in (
        "height 99",
        "nodes up 11 of 12",
        "period 0 sealed (4 committed, 4 attested of 4)",
        "minted 2.51 TFT",
        "validators 99 down",
    ):
        assert words in line


@pytest.mark.parametrize("terminal", [True, False])
def test_pictures_go_to_a_table_or_to_lines(*, terminal: bool) -> None:
    sink = io.StringIO()
    console = Console(file=sink, force_terminal=terminal, width=120)
    with Watch(console) as watch:
        watch.log("a line")
        watch.show(picture(differing=1))
    text = sink.getvalue()
    assert "a line" in text
    assert ("DIFFER" in text) is terminal
    assert ("│" in text or "┃" in text) is terminal
