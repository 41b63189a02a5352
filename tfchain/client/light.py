"""Following a chain's headers from one that a person named: whose signatures a proof must carry.

Headers come from the node that is asked, and are held against witnesses. Where two are at odds and
both are signed, somebody cheats: each side is handed the evidence against the other, and nothing is
believed any more (consensus 1.17.5). It runs between a question and its answer: calls block.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol

import httpx

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import MS_PER_S, Height, Millis
from tfchain.bft.attack import Comparison, Fork, check_lag
from tfchain.bft.light import Climb, Terms, check_anchor, check_previous
from tfchain.client.plain import bytes_of
from tfchain.errors import InvalidBlock, Malformed, Unavailable
from tfchain.ledger.header import Header, header_hash
from tfchain.ledger.light import LIGHT_BYTES_MAX, LightAttack, LightBlock, id_of
from tfchain.ledger.validators import ValidatorSet

ANSWER_S: Final = 10.0
"""For an answer to go on."""
WHOLE_ANSWER_S: Final = 60.0
"""For all of an answer: one that comes byte by byte never stands still for long."""
ANSWER_BYTES_MAX: Final = 4 * LIGHT_BYTES_MAX
DOWN_MAX: Final = 5_000
"""Links followed below the trusted block; whoever needs more names an earlier one."""
LAG_MS: Final = 10_000
"""How far a witness may be behind beside the drift of both clocks, before it is judged."""
PAUSE_MS: Final = 500

Clock = Callable[[], Millis]
Sleep = Callable[[float], None]


class Source(Protocol):
    """Whoever gives light blocks. Its methods raise `Unavailable` where it does not answer."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    def block(self, height: Height | None) -> LightBlock | None:
        """The light block of a height, unchecked; the last one without; None where it has none."""
        ...

    def accuse(self, attack: LightAttack) -> None:
        """Hand in evidence."""
        ...


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A node's HTTP face."""

    name: str
    http: httpx.Client
    seconds: Callable[[], float] = monotonic
    """A clock that is never set."""

    def block(self, height: Height | None) -> LightBlock | None:
        place = "last" if height is None else str(height)
        code, content = self._ask("GET", f"/v1/light/{place}", None)
        if code == httpx.codes.NOT_FOUND:
            return None
        plain = self._plain(code, content)
        raw = bytes_of(plain.get("light_block") if isinstance(plain, dict) else None)
        return decode_record(LightBlock, raw, LIGHT_BYTES_MAX)

    def accuse(self, attack: LightAttack) -> None:
        self._ask("POST", "/v1/light/attacks", {"attack": encode_record(attack).hex()})

    def _ask(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        """Code and content. Of what is too long, no more is read than it takes to see that."""
        content, until = bytearray(), self.seconds() + WHOLE_ANSWER_S
        try:
            with self.http.stream(method, self.name + path, json=body) as response:
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > ANSWER_BYTES_MAX:
                        break
                    if self.seconds() > until:
                        what = f"the node's answer is not whole after {WHOLE_ANSWER_S:g} s"
                        raise Unavailable(what, self.name, "try again later, or another node")
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            remedy = f"is it running, and is this its address? ({type(fault).__name__})"
            raise Unavailable("the node does not answer", self.name, remedy) from fault
        return response.status_code, bytes(content)

    def _plain(self, code: int, content: bytes) -> object:
        if code != httpx.codes.OK or len(content) > ANSWER_BYTES_MAX:
            raise Unavailable("the node gives no light blocks", self.name, "name another node")
        try:
            plain: object = json.loads(content)
        except (ValueError, RecursionError) as fault:
            raise Malformed(f"{self.name}: what answers is no tfchain node") from fault
        return plain


@dataclass(slots=True, kw_only=True)
class LightAnchor:
    """An `Anchor` that answers for each header anew, once it has verified it itself."""

    terms: Terms
    primary: Source
    witnesses: Sequence[Source]
    clock: Clock
    sleep: Sleep
    trusted: dict[Height, LightBlock] = field(default_factory=dict)
    """By height; the first is the one that a person named."""

    @property
    def chain_id(self) -> str:
        """The chain that headers must be of."""
        return self.terms.chain_id

    @property
    def told(self) -> str:
        """For people: whence the validators are known."""
        first = next(iter(self.trusted))
        seen = (
            f", {len(self.witnesses)} witnesses agree" if self.witnesses else ", no witness asked"
        )
        return f"headers followed from the trusted block {first}{seen}"

    def validators_of(self, header: Header) -> ValidatorSet:
        """The set that votes on this header's height, once header and set are verified.

        Raises:
            InvalidBlock: another header, one that must not be trusted (`Distrust`), or a fork.
            Unavailable: primary or witness do not answer.
        """
        block = self.follow(header.height)
        if header_hash(block.header) != header_hash(header):
            raise InvalidBlock(f"proof: block {header.height} is not the one that was verified")
        return block.validators

    def follow(self, height: Height) -> LightBlock:
        """The verified light block of a height; raises as `validators_of`.

        From a block that is too old to climb from, one still comes down to it: links do not age.
        """
        if height not in self.trusted:
            below = [known for known in self.trusted if known < height]
            above = [known for known in self.trusted if known > height]
            if below and not (above and self._is_old(self.trusted[max(below)])):
                self._climb(self.trusted[max(below)], height)
            else:
                self._go_down(self.trusted[min(above)], height)
        return self.trusted[height]

    def _is_old(self, block: LightBlock) -> bool:
        return block.time + self.terms.period <= self.clock()

    def _climb(self, start: LightBlock, height: Height) -> None:
        climb = Climb(self.terms, start, height)
        while climb.wanted is not None:
            climb.take(_need(self.primary, climb.wanted), self.clock(), verify)
        for witness in self.witnesses:
            self._compare(witness, climb.trace)
        self.trusted |= {block.height: block for block in climb.trace}

    def _go_down(self, low: LightBlock, height: Height) -> None:
        """Links are hashes: no witness could know better."""
        if low.height - height > DOWN_MAX or height < 1:
            what = f"block {height} lies more than {DOWN_MAX} below the trusted {low.height}"
            raise Unavailable(what, self.primary.name, "trust a block at or below it")
        while low.height > height:
            block = _need(self.primary, Height(low.height - 1))
            check_previous(self.terms, low, block, verify)
            low = block
        self.trusted[height] = low

    def _compare(self, witness: Source, trace: Sequence[LightBlock]) -> None:
        comparison = Comparison(self.terms, trace)
        while comparison.wanted is not None:
            block = self._patient(witness, comparison.wanted, trace[-1])
            comparison.take(block, self.clock(), verify)
        if comparison.fork is not None:
            self._stop(witness, comparison.fork)

    def _patient(self, witness: Source, height: Height, target: LightBlock) -> LightBlock:
        """A witness may be behind for a while; for longer than the clocks explain, it is judged."""
        until = self.clock() + 2 * self.terms.drift + LAG_MS
        while (block := witness.block(height)) is None:
            if self.clock() >= until:
                latest = witness.block(None)
                if latest is not None:
                    check_lag(target, latest)
                what = f"the witness has no block {height}"
                raise Unavailable(what, witness.name, "name a witness that is not behind")
            self.sleep(PAUSE_MS / MS_PER_S)
        return block

    def _stop(self, witness: Source, fork: Fork) -> None:
        """Nobody here can tell who is right: each side gets the evidence, people get the line."""
        sides = ((witness, fork.against_primary), (self.primary, fork.against_witness))
        reached = [source.name for source, attack in sides if _accused(source, attack)]
        one, other = fork.against_primary.conflicting, fork.against_witness.conflicting
        raise InvalidBlock(
            f"fork at height {one.height}: {self.primary.name} shows {id_of(one).hex()},"
            f" {witness.name} shows {id_of(other).hex()}, both signed; evidence handed in at"
            f" {', '.join(reached) or 'nobody, for nobody answers'}"
        )


def _need(source: Source, height: Height) -> LightBlock:
    block = source.block(height)
    if block is None:
        raise Unavailable(f"the node has no block {height}", source.name, "name one that has it")
    return block


def _accused(source: Source, attack: LightAttack) -> bool:
    try:
        source.accuse(attack)
    except Unavailable:
        return False
    return True


def anchored(anchor: LightAnchor, height: Height, block_id: bytes) -> LightAnchor:
    """The anchor with its first block: the one that a person named by height and id.

    Raises:
        Distrust: the primary shows another one.
        Unavailable: it shows none.
    """
    block = _need(anchor.primary, height)
    check_anchor(anchor.terms, block, height, block_id, verify)
    anchor.trusted = {height: block}
    return anchor
