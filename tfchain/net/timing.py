"""Every span that the wire waits for, in seconds of the event loop's own clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Spans in seconds. The defaults suit a public network and a devnet alike."""

    connect_s: float = 10.0
    """For a TCP connection to stand."""
    handshake_s: float = 20.0
    """For both hellos and both proofs (consensus 1.13.1)."""
    refused_s: float = 1.0
    """Before a refused caller is hung up on, unless somebody else needs the place: whoever calls in
    a loop gets no more out of it than a call a second."""
    ping_after_s: float = 60.0
    """Of silence, before we ask whether the peer is there (consensus 1.13.7)."""
    pong_within_s: float = 45.0
    """For anything to arrive after that; also for the peer to take what we write."""
    backoff_first_s: float = 0.1
    """Before the second call of a contact; doubles with each failure, and never gives up."""
    backoff_max_s: float = 5.0
    """A validator that comes back is called within a few blocks. Also: a connection that lasted
    this long was a good one, and the next call starts from the first step."""
    ban_first_s: float = 1.0
    """For the first blame; doubles with each. Short: a set of four cannot spare an honest peer that
    an error of ours has blamed."""
    ban_max_s: float = 300.0
    """Also: this long without blame after a ban, and the next is a first one again."""
