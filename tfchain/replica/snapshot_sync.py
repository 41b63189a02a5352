"""Starting from a snapshot of one's peers: told what they say, it says what to ask and what to store.

Trust begins with a height and a block id that a person named. From there light blocks lead to the
three headers of a snapshot, the headers to its manifest, and the manifest to every chunk, so that
whatever a peer makes up is seen when it comes (1.12.1, 1.12.2). A snapshot whose manifest or archives
are forged is given up for the next one; whoever sent it is blamed. Nothing here has a deadline: who
is slow is passed over and asked again later (1.12.3).
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis
from tfchain.bft.light import EXPIRED, TOO_MANY_HOPS, Distrust, Terms, check_anchor
from tfchain.chain.restored import Headers
from tfchain.chain.snapshot import (
    ARCHIVE_TAGS,
    MANIFEST_BYTES_MAX,
    Manifest,
    check_manifest,
    manifest_id,
)
from tfchain.errors import Malformed
from tfchain.ledger.light import LightBlock
from tfchain.replica import snapshot_messages as wire
from tfchain.replica.effects import Blame, SendTo
from tfchain.replica.header_path import HeaderPath, check_heights
from tfchain.replica.questions import Questions
from tfchain.replica.snapshot_messages import GetChunk, GetLights, GetManifest, GetSnapshots

PATIENCE: Final = Millis(10_000)
"""How long a peer may take for one answer before another is asked."""
OFFERS_EVERY: Final = Millis(2_000)
"""How often peers are asked what they have, while there is nothing to choose."""
STALE: Final = Millis(60_000)
"""How long nobody may have a snapshot that was begun, before another one is begun."""
_NOBODYS_FAULT: Final = (EXPIRED, TOO_MANY_HOPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Begin to fill the store, or go on; answered by `begun`."""

    manifest: Manifest
    headers: Headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Check a chunk and store it; answered by `stored`."""

    index: int
    raw: bytes
    peer: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckArchives:
    """The whole tree is stored: hold archives against batches; answered by `archives_checked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """All is stored: make it a chain. The work is over."""


Effect: TypeAlias = SendTo | Blame | Begin | Store | CheckArchives | Finish


@dataclass(slots=True)
class _Work:
    """The snapshot that is being fetched, once its manifest is checked."""

    manifest: Manifest
    ready: bool = False
    """Whether the store was begun, so that it is known what is missing."""
    missing: dict[int, None] = field(default_factory=dict)
    archives: bool = False
    """Whether the archives were found to fit."""
    storing: dict[int, None] = field(default_factory=dict)


class SnapshotSync:
    """One start from a snapshot. `terms.period`: how old a trusted header may be.

    Every method gives the effects, in order. `phase` says, for people, what it waits for.
    """

    def __init__(self, terms: Terms, trust: tuple[Height, bytes]) -> None:
        self._terms = terms
        self._trust = trust
        self._now = Millis(0)
        self._out: list[Effect] = []
        self._offers: dict[bytes, tuple[tuple[Height, bytes], ...]] = {}
        """What each peer that is believed has: heights and ids of snapshots."""
        self._questions = Questions(PATIENCE)
        self._anchor: LightBlock | None = None
        self._chosen: tuple[Height, bytes] | None = None
        self._rejected: dict[tuple[Height, bytes], None] = {}
        self._failed: dict[tuple[Height, bytes], int] = {}
        """How often nobody would prove an offer in time."""
        self._path: HeaderPath | None = None
        """To the headers of the chosen snapshot."""
        self._work: _Work | None = None
        self._offers_asked = Millis(0)
        self._sources_seen = Millis(0)
        self.phase = "waiting for peers"

    # What the driver tells.

    def resumed(self, manifest: Manifest, missing: list[int], now: Millis) -> list[Effect]:
        """The store was being filled with this snapshot: go on with it while anybody has it."""
        self._chosen = (manifest.height, manifest_id(manifest))
        self._work = _Work(manifest=manifest, ready=True, missing=dict.fromkeys(missing))
        self._sources_seen = now
        return self.tick(now)

    def peer_up(self, peer: bytes, now: Millis) -> list[Effect]:
        """A peer is connected."""
        self._offers[peer] = ()
        self._say(peer, GetSnapshots())
        return self.tick(now)

    def peer_down(self, peer: bytes, now: Millis) -> list[Effect]:
        """A peer is gone."""
        self._forget(peer)
        return self.tick(now)

    def received(self, peer: bytes, kind: int, payload: bytes, now: Millis) -> list[Effect]:
        """A peer says something; what was not asked for is passed over.

        Raises:
            Distrust: the trusted header is too old, or too far away: a newer one is due.
        """
        self._now = now
        if peer in self._offers:
            try:
                self._take(peer, kind, payload)
            except (Malformed, Distrust) as fault:
                if isinstance(fault, Distrust) and fault.code in _NOBODYS_FAULT:
                    raise
                self._blame(peer, str(fault))
        return self.tick(now)

    def begun(self, missing: list[int], fault: str, now: Millis) -> list[Effect]:
        """The store is ready for the chunks that are missing; with `fault`, it refused."""
        assert self._work is not None, "a manifest came first"
        self._work.ready, self._work.missing = True, dict.fromkeys(missing)
        if fault:
            self._reject()
        return self.tick(now)

    def stored(self, index: int, peer: bytes, fault: str, now: Millis) -> list[Effect]:
        """A chunk is stored; with `fault`, it is none, and whoever sent it lies."""
        assert self._work is not None, "a manifest came first"
        self._work.storing.pop(index, None)
        if fault:
            self._blame(peer, fault)
            self._work.missing[index] = None
        return self.tick(now)

    def archives_checked(self, fault: str, now: Millis) -> list[Effect]:
        """The archives fit the batches; with `fault` they do not, and the snapshot is forged."""
        assert self._work is not None, "a manifest came first"
        self._work.archives = True
        if fault:
            self._reject()
        return self.tick(now)

    def tick(self, now: Millis) -> list[Effect]:
        """Time has passed, or something has changed: ask for whatever is due."""
        self._now = now
        self._questions.expire(now)
        self._give_up_unproven()
        self._ask()
        effects = list(self._out)
        self._out.clear()
        return effects

    def _give_up_unproven(self) -> None:
        """Try another offer, for now, once nobody who makes this one will prove it."""
        sources = self._sources()
        if self._chosen is None or self._work is not None or not self._questions.all_owe(sources):
            return
        self._failed[self._chosen] = self._failed.get(self._chosen, 0) + 1
        self._questions.forgive(sources)
        self._forget_chosen()

    # What peers say.

    def _take(self, peer: bytes, kind: int, payload: bytes) -> None:
        match kind:
            case wire.SNAPSHOTS:
                offers = wire.decode_offers(payload)
                self._offers[peer] = tuple((offer.height, offer.id) for offer in offers)
            case wire.LIGHTS:
                asked = self._questions.answered(peer, GetLights)
                if isinstance(asked, GetLights):
                    self._take_lights(asked, wire.decode_lights(payload))
            case wire.MANIFEST:
                if self._questions.answered(peer, GetManifest) is not None:
                    self._take_manifest(decode_record(Manifest, payload, MANIFEST_BYTES_MAX))
            case wire.CHUNK:
                height, index, raw = wire.decode_chunk(payload)
                if self._questions.answered(peer, GetChunk) == GetChunk(height=height, index=index):
                    self._take_chunk(peer, index, raw)
            case _:
                return

    def _take_lights(self, asked: GetLights, blocks: list[LightBlock]) -> None:
        if self._anchor is None:
            check_heights(asked, blocks)
            check_anchor(self._terms, blocks[0], *self._trust, verify)
            self._anchor = blocks[0]
        else:
            assert self._path is not None, "headers are asked for on the way to a snapshot"
            self._path.take(asked, blocks, self._now, verify)

    def _take_manifest(self, manifest: Manifest) -> None:
        assert self._chosen is not None and self._path is not None, "its headers are proven"
        height, name = self._chosen
        headers = self._path.headers()
        root = headers.above.header.state_root
        if manifest_id(manifest) != name:
            raise Malformed("another manifest than was offered")
        try:
            check_manifest(manifest, self._terms.chain_id, height, root)
        except Malformed:
            self._reject()
            raise
        self._work = _Work(manifest=manifest)
        self._out.append(Begin(manifest=manifest, headers=headers))

    def _take_chunk(self, peer: bytes, index: int, raw: bytes) -> None:
        assert self._work is not None, "chunks are asked for once the manifest is here"
        del self._work.missing[index]
        self._work.storing[index] = None
        self._out.append(Store(index=index, raw=raw, peer=peer))

    def _blame(self, peer: bytes, reason: str) -> None:
        """Nothing of this peer is believed any more; its questions go to others."""
        self._out.append(Blame(peer=peer, reason=reason))
        self._forget(peer)

    def _forget(self, peer: bytes) -> None:
        self._offers.pop(peer, None)
        self._questions.gone(peer)

    def _reject(self) -> None:
        """The chosen snapshot is forged, or nobody has it: everybody who offers it lies, or left."""
        assert self._chosen is not None, "only a chosen one is rejected"
        if self._work is not None:
            for peer in self._sources():
                self._blame(peer, f"the snapshot of height {self._chosen[0]} is forged")
        self._rejected[self._chosen] = None
        self._forget_chosen()

    def _forget_chosen(self) -> None:
        self._chosen, self._work, self._path = None, None, None
        self._questions.drop()

    # What to ask next.

    def _ask(self) -> None:
        if self._work is not None:
            if self._work.ready:
                self._ask_for_chunks(self._work)
        elif self._anchor is None:
            self.phase = f"asking for the trusted block {self._trust[0]}"
            self._ask_one(GetLights(height=self._trust[0], count=1), list(self._offers))
        else:
            if self._chosen is None:
                self._choose()
            if self._chosen is not None:
                self._ask_for_proof(self._anchor, self._chosen[0])

    def _choose(self) -> None:
        """The highest that most have, unless it was found to be forged (1.12.1).

        Whoever offers a height that nobody can prove costs one wait, not one for every turn.
        """
        self.phase = "waiting for somebody who has a snapshot"
        count: dict[tuple[Height, bytes], int] = {}
        for offers in self._offers.values():
            for name in offers:
                count[name] = count.get(name, 0) + 1
        names = [name for name in count if name not in self._rejected and name[0] > 0]
        if not names:
            self._ask_for_offers()
            return
        failed = self._failed
        self._chosen = max(
            names, key=lambda name: (-failed.get(name, 0), name[0], count[name], name[1])
        )
        self._sources_seen = self._now

    def _ask_for_proof(self, anchor: LightBlock, height: Height) -> None:
        """First the headers that prove the state, then the manifest."""
        if self._path is None:
            self._path = HeaderPath(self._terms, anchor, height)
        sources = self._sources()
        if not sources:
            self._forget_chosen()
            return
        wanted = self._path.wanted()
        if wanted is not None:
            self.phase = f"following headers from {anchor.height} to {height}"
            self._ask_one(wanted, sources)
        else:
            self.phase = f"asking for the manifest of {height}"
            self._ask_one(GetManifest(height=height), sources)

    def _ask_for_chunks(self, work: _Work) -> None:
        refs = work.manifest.chunks
        done = len(refs) - len(work.missing) - len(work.storing)
        self.phase = (
            f"fetching the snapshot of {work.manifest.height}: {done} of {len(refs)} chunks"
        )
        tree = [index for index in work.missing if refs[index].tag not in ARCHIVE_TAGS]
        storing = any(refs[index].tag not in ARCHIVE_TAGS for index in work.storing)
        if not tree and not storing and not work.archives:
            work.archives = True
            self._out.append(CheckArchives())
            return
        if not work.missing and not work.storing:
            work.ready = False
            self._out.append(Finish())
            return
        self._ask_sources(work, tree or list(work.missing))

    def _ask_sources(self, work: _Work, wanted: list[int]) -> None:
        """One chunk of each peer that has the snapshot."""
        sources = self._sources()
        if sources:
            self._sources_seen = self._now
        elif self._now - self._sources_seen > STALE:
            self._forget_chosen()
            return
        if not sources or self._questions.all_owe(sources):
            self._ask_for_offers()  # they may have dropped it for newer ones
        for index in wanted[: len(sources) + 1]:
            self._ask_one(GetChunk(height=work.manifest.height, index=index), sources)

    def _sources(self) -> list[bytes]:
        """The peers that have the chosen snapshot."""
        return [peer for peer, offers in self._offers.items() if self._chosen in offers]

    def _ask_one(self, request: wire.Request, peers: list[bytes]) -> None:
        peer = self._questions.put(request, peers, self._now)
        if peer is not None:
            self._say(peer, request)

    def _ask_for_offers(self) -> None:
        if 0 <= self._now - self._offers_asked < OFFERS_EVERY:
            return
        self._offers_asked = self._now
        for peer in self._offers:
            self._say(peer, GetSnapshots())

    def _say(self, peer: bytes, request: wire.Request) -> None:
        kind = wire.KIND_OF[type(request)]
        self._out.append(SendTo(peer=peer, kind=kind, payload=encode_record(request)))
