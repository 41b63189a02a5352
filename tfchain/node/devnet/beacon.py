"""A devnet lights a beacon on this machine, a small file, so that the verbs find it unnamed.

The file is its user's alone. It says which process lit it and where that network answers; it goes
out when the devnet ends. One that was killed leaves its file behind: whoever sees that its process
is gone puts it out.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tfchain.errors import Malformed
from tfchain.store.files import replace_file, told

BEACON_BYTES_MAX: Final = 64 * 1024
"""Far more than the addresses of the largest devnet."""
BEACONS_MAX: Final = 64
"""Devnets of one user that are looked at."""
URLS_MAX: Final = 256
_GLOB: Final = "devnet-*.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beacon:
    """A devnet that runs here, or did."""

    pid: int
    chain_id: str
    urls: tuple[str, ...]


def beacons_folder(environ: Mapping[str, str]) -> Path:
    """The user's folder for what runs now; where the system has none, the one for what stays."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "tfchain"
    state = environ.get("XDG_STATE_HOME", "")
    return (Path(state) if state else Path("~/.local/state").expanduser()) / "tfchain"


@contextmanager
def lit(folder: Path, beacon: Beacon) -> Iterator[None]:
    """Keep the beacon lit inside the block; raises `Unavailable` where it cannot be."""
    path = folder / f"devnet-{beacon.pid}.json"
    with told("cannot tell others where this devnet is", path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, json.dumps(asdict(beacon)).encode())
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def seen(folder: Path) -> list[Beacon]:
    """The beacons whose processes are there, oldest process first; the others are put out."""
    found = []
    with suppress(OSError):
        for path in sorted(folder.glob(_GLOB))[:BEACONS_MAX]:
            beacon = _read(path)
            if beacon is None:
                continue
            if _is_there(beacon.pid):
                found.append(beacon)
            else:
                path.unlink(missing_ok=True)
    return sorted(found, key=lambda beacon: beacon.pid)


def read_beacon(content: bytes) -> Beacon:
    """The beacon that a file's bytes say; raises `Malformed`."""
    if len(content) > BEACON_BYTES_MAX:
        raise Malformed(f"beacon: more than {BEACON_BYTES_MAX} bytes")
    try:
        plain = json.loads(content)
    except (ValueError, RecursionError) as fault:
        raise Malformed("beacon: this is not JSON") from fault
    match plain:
        case {"pid": int() as pid, "chain_id": str() as chain_id, "urls": [*urls]} if (
            type(pid) is int and pid > 0 and 0 < len(urls) <= URLS_MAX
        ):
            texts = tuple(url for url in urls if isinstance(url, str))
            if len(texts) == len(urls):
                return Beacon(pid=pid, chain_id=chain_id, urls=texts)
    raise Malformed("beacon: pid, chain_id and urls are due")


def _read(path: Path) -> Beacon | None:
    """None for what this user did not write, or what is no beacon: it is nobody's word."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_uid != os.getuid():
            return None
        content = file.read(BEACON_BYTES_MAX + 1)
    try:
        return read_beacon(content)
    except Malformed:
        return None


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return False  # it was ours: whoever has the number now is somebody else
    return True
