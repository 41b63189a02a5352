"""Starting from a snapshot: whom it asks, what it believes, and that no liar stops it (1.12)."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Millis
from tfchain.bft import light
from tfchain.bft.light import Distrust, Terms
from tfchain.chain.snapshot import Manifest, manifest_id
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.light import LightBlock, id_of
from tfchain.node.lending import Answer, answer_to
from tfchain.replica import effects as fx
from tfchain.replica import messages
from tfchain.replica import snapshot_messages as wire
from tfchain.replica import snapshot_sync as sync
from tfchain.replica.header_path import HeaderPath
from tfchain.replica.snapshot_sync import PATIENCE, STALE, SnapshotSync
from tfchain.replica.trusting import check_headers
from tfchain.store.chain import ChainStore
from tfchain.store.memory import MemoryStore
from tfchain.store.restoring import Restoration, begin, begun
from tfchain.store.snapshot import Shelf

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit

A, B, C, D = (bytes([number]) * 32 for number in (65, 66, 67, 68))
LENGTH, HEIGHT = 50, Height(8)
OLDER = Height(5)
TICK = 500

Peer = Callable[[wire.Request], Answer | None]


class Source:
    """A chain of fifty blocks with snapshots of heights 5 and 8, and who speaks for it."""

    def __init__(self, author: "Author", folder: Path) -> None:
        self.chain = ChainStore(author.store)
        self.text = self.chain.genesis_text()
        self.shelf = Shelf(folder)
        for number in range(1, LENGTH + 1):
            author.chain(1)
            if number in (OLDER, HEIGHT):
                with closing(author.store.snapshot()) as rows:
                    for _ in self.shelf.make(rows, "memory", chunk_bytes=120):
                        pass
        self.shelf.complete(self.chain)
        self.now = author.tip.time
        self.terms = Terms(chain_id=author.params.chain_id)

    def honest(self, request: wire.Request) -> Answer | None:
        return answer_to(request, self.chain, self.shelf)

    def trust(self, height: int) -> tuple[Height, bytes]:
        return Height(height), id_of(self.light(height))

    def light(self, height: int) -> LightBlock:
        block = self.chain.light_block(Height(height))
        assert block is not None
        return block

    def manifest(self, height: Height) -> Manifest:
        found = self.shelf.manifest(height)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def source(kit: "type[Kit]", tmp_path_factory: pytest.TempPathFactory) -> Source:
    author = kit.Author(kit.genesis_of(4), 4)
    return Source(author, tmp_path_factory.mktemp("snapshots"))


class Joiner:
    """A new node in virtual time. `crash_after`: chunks that are stored before it dies."""

    def __init__(self, source: Source, peers: dict[bytes, Peer], height: int = LENGTH) -> None:
        self.source, self.peers = source, peers
        self.now = int(source.now)
        self.store = MemoryStore()
        self.trust = source.trust(height)
        self.blamed: dict[bytes, str] = {}
        self.asked: list[tuple[bytes, wire.Request]] = []
        self.done = False
        self.crash_after = 1 << 30
        self.begin()

    def begin(self) -> None:
        """A new process on the same disk."""
        self.sync = SnapshotSync(self.source.terms, self.trust)
        self.work: Restoration | None = None
        self.wire: list[tuple[int, bytes, int, bytes]] = []
        known = begun(self.store)
        if known is not None:
            self.work = begin(self.store, self.source.text, known.manifest, known.headers)
            missing = self.work.missing()
            self.carry(self.sync.resumed(known.manifest, missing, Millis(self.now)))
        for peer in self.peers:
            self.carry(self.sync.peer_up(peer, Millis(self.now)))

    def run(self, ms: int) -> "Joiner":
        until = self.now + ms
        while self.now < until and not self.done and self.crash_after > 0:
            self.now += TICK
            due = [row for row in self.wire if row[0] <= self.now]
            self.wire = [row for row in self.wire if row[0] > self.now]
            for _, peer, kind, payload in due:
                self.carry(self.sync.received(peer, kind, payload, Millis(self.now)))
            self.carry(self.sync.tick(Millis(self.now)))
        return self

    def carry(self, effects: list[sync.Effect]) -> None:
        now = Millis(self.now)
        for effect in effects:
            match effect:
                case fx.SendTo():
                    self.ask(effect)
                case fx.Blame():
                    self.blamed[effect.peer] = effect.reason
                case sync.Begin():
                    self.work = begin(self.store, self.source.text, effect.manifest, effect.headers)
                    self.carry(self.sync.begun(self.work.missing(), "", now))
                case sync.Store():
                    fault = self.attempt(effect)
                    self.crash_after -= not fault
                    self.carry(self.sync.stored(effect.index, effect.peer, fault, now))
                case sync.CheckArchives():
                    assert self.work is not None and self.work.is_tree_whole()
                    self.carry(self.sync.archives_checked("", now))
                case sync.Finish():
                    assert self.work is not None
                    self.work.finish()
                    self.done = True
            if self.crash_after <= 0:
                return

    def attempt(self, effect: sync.Store) -> str:
        assert self.work is not None
        try:
            self.work.add(effect.index, effect.raw)
        except Malformed as fault:
            return str(fault)
        return ""

    def ask(self, effect: fx.SendTo) -> None:
        assert len(effect.payload) <= messages.LIMITS[effect.kind]
        request = wire.decode_request(effect.kind, effect.payload)
        self.asked.append((effect.peer, request))
        answer = self.peers[effect.peer](request)
        if answer is not None and effect.peer not in self.blamed:
            self.wire.append((self.now + 40, effect.peer, *answer))

    @property
    def height(self) -> int:
        return ChainStore(self.store).tip().height if self.done else 0


@pytest.mark.parametrize(
    "trusted", [LENGTH, 11, 10, 9, 8, 7, 6, 1], ids=lambda at: f"trust in {at}"
)
def test_a_start_needs_one_trusted_block_above_or_below(source: Source, trusted: int) -> None:
    joiner = Joiner(source, {A: source.honest}, trusted).run(60_000)
    assert joiner.height == HEIGHT
    assert not joiner.blamed
    chain = ChainStore(joiner.store)
    assert chain.tip().state_root == source.light(HEIGHT + 1).header.state_root
    assert chain.commit(HEIGHT) == source.chain.commit(HEIGHT)


def test_the_highest_snapshot_that_most_have_is_taken(source: Source) -> None:
    """1.12.1."""
    joiner = Joiner(source, {A: source.honest}).run(60_000)
    manifests = [request for _, request in joiner.asked if isinstance(request, wire.GetManifest)]
    assert manifests == [wire.GetManifest(height=HEIGHT)]


def test_chunks_come_from_all_peers_one_at_a_time_each(source: Source) -> None:
    """1.12.1."""
    joiner = Joiner(source, {A: source.honest, B: source.honest, C: source.honest}).run(60_000)
    chunks = [peer for peer, request in joiner.asked if isinstance(request, wire.GetChunk)]
    count = len(source.manifest(HEIGHT).chunks)
    assert len(chunks) == count > 12
    assert all(chunks.count(peer) > count // 4 for peer in (A, B, C))


# Liars.


def _corrupt(source: Source) -> Peer:
    """Scenario 47: everything is right but the chunks."""

    def lie(request: wire.Request) -> Answer | None:
        answer = source.honest(request)
        if isinstance(request, wire.GetChunk) and answer is not None:
            height, index, raw = wire.decode_chunk(answer[1])
            return wire.CHUNK, wire.encode_chunk(height, index, raw[:-1] + b"\x00")
        return answer

    return lie


def _forged(source: Source, *, sent: bool = True) -> Peer:
    """A snapshot of its own at height 9, whose tables are not the state (scenario 47)."""
    real = source.manifest(HEIGHT)
    made = replace(real, height=Height(9))

    def lie(request: wire.Request) -> Answer | None:
        match request:
            case wire.GetSnapshots():
                offer = wire.Offer(height=Height(9), id=manifest_id(made), chunks=3)
                return wire.SNAPSHOTS, wire.encode_offers([offer])
            case wire.GetManifest():
                return wire.MANIFEST, encode_record(made if sent else real)
            case _:
                return source.honest(request)

    return lie


def _boaster(source: Source) -> Peer:
    """Offers a height that nobody has reached, and says nothing more."""

    def lie(request: wire.Request) -> Answer | None:
        if isinstance(request, wire.GetSnapshots):
            offer = wire.Offer(height=Height(1 << 40), id=bytes(32), chunks=9)
            return wire.SNAPSHOTS, wire.encode_offers([offer])
        return None

    return lie


def _false_headers(source: Source) -> Peer:
    """Light blocks with another state."""

    def lie(request: wire.Request) -> Answer | None:
        if isinstance(request, wire.GetLights):
            block = source.light(request.height)
            header = replace(block.header, state_root=bytes(32))
            return wire.LIGHTS, wire.encode_lights([replace(block, header=header)])
        return source.honest(request)

    return lie


def _unsigned_headers(source: Source) -> Peer:
    """The right light blocks, with signatures that are none."""

    def lie(request: wire.Request) -> Answer | None:
        if not isinstance(request, wire.GetLights):
            return source.honest(request)
        block = source.light(request.height)
        slots = [replace(slot, signature=bytes(64)) for slot in block.commit.slots if slot.flag]
        commit = replace(block.commit, slots=tuple(slots))
        return wire.LIGHTS, wire.encode_lights([replace(block, commit=commit)])

    return lie


def _other_heights(source: Source) -> Peer:
    """Light blocks of other heights than were asked for."""

    def lie(request: wire.Request) -> Answer | None:
        if isinstance(request, wire.GetLights):
            return wire.LIGHTS, wire.encode_lights([source.light(1), source.light(2)])
        return source.honest(request)

    return lie


def _nothing(source: Source) -> Peer:
    """An empty list where blocks are due."""
    return lambda request: (
        (wire.LIGHTS, wire.encode_lights([]))
        if isinstance(request, wire.GetLights)
        else source.honest(request)
    )


def _garbage(source: Source) -> Peer:
    return lambda request: (wire.KIND_OF[type(request)] + 1, b"\xc1")


def _mute(source: Source) -> Peer:
    """Has it all, says so, and gives nothing."""
    return lambda request: (
        source.honest(request) if isinstance(request, wire.GetSnapshots) else None
    )


LIARS: dict[str, tuple[Callable[[Source], Peer], bool]] = {
    "corrupt chunks": (_corrupt, True),
    "a forged manifest": (_forged, True),
    "another manifest than it offered": (lambda source: _forged(source, sent=False), True),
    "a height out of reach": (_boaster, False),
    "false headers": (_false_headers, True),
    "headers without signatures": (_unsigned_headers, True),
    "headers of other heights": (_other_heights, True),
    "no headers": (_nothing, True),
    "garbage": (_garbage, True),
    "nothing at all": (_mute, False),
}


@pytest.mark.parametrize("name", LIARS)
def test_no_liar_stops_a_start(source: Source, name: str) -> None:
    """1.12.1, 1.12.2. Scenario 47: two that lie, one that does not, and the new node has the state."""
    liar, blamed = LIARS[name]
    peers = {A: liar(source), B: liar(source), C: source.honest}
    joiner = Joiner(source, peers).run(600_000)
    assert joiner.height == HEIGHT
    assert C not in joiner.blamed
    if blamed:
        assert joiner.blamed, "whoever lies is named"


def test_forged_archives_cost_the_snapshot_and_its_senders(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are found out once the batches are there; then the next snapshot is tried."""
    joiner = Joiner(source, {A: source.honest, B: _only_older(source)})
    monkeypatch.setattr(joiner, "carry", _distrusting(joiner))
    joiner.run(120_000)
    assert joiner.height == OLDER
    assert list(joiner.blamed) == [A]


def _only_older(source: Source) -> Peer:
    def answer(request: wire.Request) -> Answer | None:
        if isinstance(request, wire.GetSnapshots):
            name = manifest_id(source.manifest(OLDER))
            return wire.SNAPSHOTS, wire.encode_offers([wire.Offer(height=OLDER, id=name, chunks=1)])
        return source.honest(request)

    return answer


def _distrusting(joiner: Joiner) -> Callable[[list[sync.Effect]], None]:
    """Its archives of height 8 do not fit."""
    carry = joiner.carry

    def carried(effects: list[sync.Effect]) -> None:
        for effect in effects:
            assert joiner.work is None or not isinstance(effect, sync.Finish) or joiner.blamed
            forged = joiner.work is not None and joiner.work.manifest.height == HEIGHT
            if isinstance(effect, sync.CheckArchives) and forged:
                carried(joiner.sync.archives_checked("not the rows", Millis(joiner.now)))
            else:
                carry([effect])

    return carried


def test_a_store_that_refuses_a_snapshot_costs_the_snapshot(source: Source) -> None:
    joiner = Joiner(source, {})
    machine, now = joiner.sync, Millis(joiner.now)
    machine.resumed(source.manifest(HEIGHT), [0, 1], now)
    machine.peer_up(A, now)
    offers = source.honest(wire.GetSnapshots())
    assert offers is not None
    machine.received(A, *offers, now)
    effects = machine.begun([], "no", now)
    assert any(isinstance(effect, fx.Blame) for effect in effects)
    assert machine._work is None


# Peers that come and go.


def test_nobody_has_a_snapshot_yet(source: Source) -> None:
    """It goes on asking, and says what it waits for."""
    lights = {A: lambda request: _without_snapshots(source, request)}
    joiner = Joiner(source, lights).run(30_000)
    assert not joiner.done
    assert joiner.sync.phase == "waiting for somebody who has a snapshot"
    asked = [request for _, request in joiner.asked if isinstance(request, wire.GetSnapshots)]
    assert 10 < len(asked) < 20
    joiner.peers[A] = source.honest
    assert joiner.run(30_000).height == HEIGHT


def _without_snapshots(source: Source, request: wire.Request) -> Answer | None:
    if isinstance(request, wire.GetSnapshots):
        return wire.SNAPSHOTS, wire.encode_offers([])
    return source.honest(request) if isinstance(request, wire.GetLights) else None


def test_a_peer_that_leaves_is_asked_no_more(source: Source) -> None:
    joiner = Joiner(source, {A: source.honest, B: source.honest}).run(3_000)
    joiner.carry(joiner.sync.peer_down(A, Millis(joiner.now)))
    before = len(joiner.asked)
    assert joiner.run(60_000).height == HEIGHT
    assert {peer for peer, _ in joiner.asked[before:]} == {B}


def test_everybody_leaves_while_headers_are_followed(source: Source) -> None:
    joiner = Joiner(source, {A: source.honest}).run(1_500)
    joiner.carry(joiner.sync.peer_down(A, Millis(joiner.now)))
    joiner.run(5_000)
    assert joiner.sync.phase.startswith("waiting")
    joiner.carry(joiner.sync.peer_up(A, Millis(joiner.now)))
    assert joiner.run(60_000).height == HEIGHT


def test_a_snapshot_that_nobody_has_any_more_gives_way(source: Source) -> None:
    """Its last owner has made newer ones meanwhile: after a while another one is begun."""
    joiner = Joiner(source, {A: source.honest})
    joiner.crash_after = 3
    joiner.run(60_000)
    joiner.crash_after, joiner.peers = 1 << 30, {A: _only_older(source)}
    joiner.begin()
    joiner.run(STALE - 5_000)
    assert not joiner.done
    assert joiner.run(60_000).height == OLDER


def test_a_slow_peer_is_passed_over(source: Source) -> None:
    """It may answer later; what was asked of it is asked of another (1.12.3)."""
    joiner = Joiner(source, {A: _mute(source), B: source.honest})
    joiner.run(4 * PATIENCE)
    assert joiner.height == HEIGHT


def test_a_clock_that_is_set_back_makes_no_wait_longer(source: Source) -> None:
    joiner = Joiner(source, {A: _mute(source)}).run(1_500)
    joiner.peers[A] = source.honest
    joiner.now -= 3_600_000
    assert joiner.run(30_000).height == HEIGHT


# Crashes.


def test_a_start_that_is_cut_short_goes_on_after_each_chunk(source: Source) -> None:
    """Scenario 48: a new process after every stored chunk; nothing half restored is accepted."""
    joiner = Joiner(source, {A: source.honest})
    lives = 0
    while True:
        joiner.crash_after = 1
        if joiner.run(60_000).height:
            break
        with pytest.raises(Unavailable, match="cut short"):
            ChainStore(joiner.store).begin(source.text)
        lives += 1
        joiner.begin()
    assert lives == len(source.manifest(HEIGHT).chunks) - 1, "with the last one it is whole"
    chunks = [request for _, request in joiner.asked if isinstance(request, wire.GetChunk)]
    assert len(chunks) < 3 * lives
    ChainStore(joiner.store).begin(source.text)
    assert ChainStore(joiner.store).tip().height == HEIGHT


# What is nobody's fault, and what is passed over.


def test_a_trusted_header_that_is_too_old_is_told_to_people(source: Source) -> None:
    terms = replace(source.terms, period=Millis(10_000))
    machine = SnapshotSync(terms, source.trust(3))
    now = source.now
    machine.peer_up(A, now)
    offers, anchor = source.honest(wire.GetSnapshots()), _lights(source, 3)
    assert offers is not None
    machine.received(A, *offers, now)
    machine.received(A, *anchor, now)
    with pytest.raises(Distrust, match="expired"):
        machine.received(A, *_lights(source, 8), now)


def _lights(source: Source, height: int) -> Answer:
    return wire.LIGHTS, wire.encode_lights([source.light(height)])


def test_answers_to_nothing_are_passed_over(source: Source) -> None:
    joiner = Joiner(source, {A: source.honest})
    machine, now = joiner.sync, Millis(joiner.now)
    manifest = encode_record(source.manifest(HEIGHT))
    for kind, payload in (
        (wire.MANIFEST, manifest),
        (wire.CHUNK, wire.encode_chunk(HEIGHT, 0, b"x")),
        (messages.STATUS, b"whatever"),
    ):
        assert machine.received(A, kind, payload, now) == []
    assert machine.received(B, wire.SNAPSHOTS, b"\xc1", now) == [], "nobody knows this peer"
    assert machine.received(A, *_lights(source, LENGTH), now)
    assert machine.received(A, *_lights(source, LENGTH), now) == []


def test_a_chunk_that_comes_twice_is_stored_once(source: Source) -> None:
    joiner = Joiner(source, {A: source.honest})
    while not any(isinstance(request, wire.GetChunk) for _, request in joiner.asked):
        joiner.run(TICK)
    answer = source.honest(joiner.asked[-1][1])
    assert answer is not None
    for count in (1, 0):
        effects = joiner.sync.received(A, *answer, Millis(joiner.now))
        assert len([effect for effect in effects if isinstance(effect, sync.Store)]) == count


def test_a_snapshot_that_was_dropped_for_newer_ones_is_noticed(source: Source) -> None:
    """Its owner stays connected, and has nothing of it any more (1.12.3)."""
    joiner = Joiner(source, {A: source.honest})
    joiner.crash_after = 3
    joiner.run(60_000)
    joiner.crash_after, joiner.peers[A] = 1 << 30, _dropped(source)
    assert joiner.run(4 * STALE).height == OLDER


def _dropped(source: Source) -> Peer:
    def answer(request: wire.Request) -> Answer | None:
        if isinstance(request, wire.GetChunk | wire.GetManifest) and request.height == HEIGHT:
            return None
        return _only_older(source)(request)

    return answer


# The way to the headers.


def test_a_path_asks_again_after_a_false_step(source: Source) -> None:
    path = HeaderPath(source.terms, source.light(2), HEIGHT)
    asked = path.wanted()
    assert asked == wire.GetLights(height=HEIGHT, count=1)
    block = source.light(HEIGHT)
    forged = replace(block, header=replace(block.header, state_root=bytes(32)))
    with pytest.raises(Distrust):
        path.take(asked, [forged], source.now, light_verify)
    assert path.wanted() == asked
    path.take(asked, [block], source.now, light_verify)
    assert path.wanted() == wire.GetLights(height=Height(9), count=1)


def test_a_path_up_may_take_several_steps(source: Source) -> None:
    """Where not enough of those that are known have signed, one in between is asked for."""
    terms = replace(source.terms, level=(1, 1))
    path = HeaderPath(terms, source.light(2), HEIGHT)
    asked, block = path.wanted(), source.light(HEIGHT)
    assert asked is not None
    absent = replace(block.commit.slots[0], flag=0, signature=b"")
    slots = (absent, *block.commit.slots[1:])
    block = replace(block, commit=replace(block.commit, slots=slots))
    path.take(asked, [block], source.now, light_verify)
    assert path.wanted() == wire.GetLights(height=Height(2 + 6 * 9 // 16), count=1)


def test_a_path_down_comes_in_runs_from_the_top(source: Source) -> None:
    path = HeaderPath(source.terms, source.light(LENGTH), HEIGHT)
    asked = path.wanted()
    assert asked == wire.GetLights(height=Height(18), count=32)
    with pytest.raises(Distrust, match="up to 49"):
        path.take(asked, [source.light(18)], source.now, light_verify)
    with pytest.raises(Distrust, match=light.WRONG_HEIGHT):
        path.take(asked, [source.light(19)], source.now, light_verify)
    path.take(asked, [source.light(at) for at in range(18, 50)], source.now, light_verify)
    assert path.wanted() == wire.GetLights(height=HEIGHT, count=10)


def light_verify(key: bytes, message: bytes, signature: bytes) -> bool:
    return True


@pytest.mark.parametrize("height", [8, 9, 10])
def test_headers_beside_a_snapshot_are_proven_by_any_of_the_three(
    source: Source, height: int
) -> None:
    headers = source.shelf.headers(HEIGHT)
    assert headers is not None
    check_headers(source.terms, headers, source.trust(height), source.now, light_verify)


def test_headers_without_the_trusted_block_prove_nothing(source: Source) -> None:
    headers = source.shelf.headers(HEIGHT)
    assert headers is not None
    with pytest.raises(Distrust, match="the headers 8 to 10, not 11"):
        check_headers(source.terms, headers, source.trust(11), source.now, light_verify)
    with pytest.raises(Distrust, match=light.WRONG_HASH):
        check_headers(source.terms, headers, (Height(9), bytes(32)), source.now, light_verify)
    turned = replace(headers.beyond, validators=headers.beyond.validators.stepped())
    with pytest.raises(Distrust, match=light.STRANGE_PRIORITIES):
        check_headers(
            source.terms,
            replace(headers, beyond=turned),
            source.trust(9),
            source.now,
            light_verify,
        )


# Bytes.


@pytest.mark.parametrize(
    ("decode", "kind"),
    [
        pytest.param(wire.decode_lights, wire.LIGHTS, id="light blocks"),
        pytest.param(wire.decode_offers, wire.SNAPSHOTS, id="offers"),
        pytest.param(wire.decode_chunk, wire.CHUNK, id="a chunk"),
        *[
            pytest.param(lambda raw, kind=kind: wire.decode_request(kind, raw), kind, id=f"{kind}")
            for kind in wire.REQUESTS
        ],
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\x01",
        b"\x91\x90",
        b"\x93\x02\x02\x03",
        b"\x93\xc4\x00\x00\xc4\x00",
        b"\xdc\x00\x21" + b"\xc0" * 33,
    ],
)
def test_bad_bytes_are_malformed(decode: Callable[[bytes], object], kind: int, raw: bytes) -> None:
    """1.12.1: snapshots, chunks and headers of one answer are bounded."""
    with pytest.raises(Malformed):
        decode(raw)
    with pytest.raises(Malformed):
        decode(bytes(wire.LIMITS[kind] + 1))


def test_answers_to_a_start_that_is_over_are_passed_over(kit: "type[Kit]") -> None:
    node = kit.Node(kit.genesis_of(4), 1)
    node.start()
    for kind in wire.ANSWERS:
        assert node.hear(A, kind, b"whatever") == []


def test_a_replica_lends_what_it_is_asked_for(kit: "type[Kit]") -> None:
    node = kit.Node(kit.genesis_of(4), 1)
    node.start()
    requests: list[wire.Request] = [
        wire.GetLights(height=Height(3), count=2),
        wire.GetSnapshots(),
        wire.GetManifest(height=Height(3)),
        wire.GetChunk(height=Height(3), index=2),
    ]
    assert [wire.KIND_OF[type(request)] for request in requests] == list(wire.REQUESTS)
    for request in requests:
        kind = wire.KIND_OF[type(request)]
        assert node.hear(A, kind, encode_record(request)) == [fx.Lend(peer=A, request=request)]
        (blame,) = node.hear(A, kind, b"\xc1")
        assert isinstance(blame, fx.Blame)


def test_a_chain_of_light_blocks_is_cut_short_to_fit(source: Source) -> None:
    answer = source.honest(wire.GetLights(height=Height(40), count=32))
    assert answer is not None
    assert [block.height for block in wire.decode_lights(answer[1])] == list(range(40, 51))
    assert source.honest(wire.GetLights(height=Height(51), count=1)) is None
    assert source.honest(wire.GetManifest(height=Height(7))) is None
    assert source.honest(wire.GetChunk(height=HEIGHT, index=999)) is None


def test_headers_beside_a_snapshot_outlive_the_blocks(source: Source) -> None:
    """A node that has pruned its blocks still proves the snapshot that it offers."""
    bare = ChainStore(MemoryStore())
    bare.begin(source.text)
    answer = answer_to(wire.GetLights(height=HEIGHT, count=5), bare, source.shelf)
    assert answer is not None
    assert [block.height for block in wire.decode_lights(answer[1])] == [8, 9, 10]
    assert answer_to(wire.GetLights(height=Height(7), count=1), bare, source.shelf) == (
        wire.LIGHTS,
        wire.encode_lights([source.light(7)]),
    )
    assert answer_to(wire.GetLights(height=Height(2), count=1), bare, source.shelf) is None


def test_light_blocks_of_one_answer_are_cut_short_by_their_size(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = len(encode_record(source.light(20)))
    monkeypatch.setattr(wire, "LIGHTS_BYTES_MAX", 3 * one + 20)
    answer = source.honest(wire.GetLights(height=Height(20), count=32))
    assert answer is not None
    assert len(wire.decode_lights(answer[1])) == 3
