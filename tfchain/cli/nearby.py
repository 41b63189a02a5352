"""Which node a verb asks: the one that is named, else that of the devnet on this machine."""

import json
from collections.abc import Mapping
from os import environ
from typing import Final

import httpx

from tfchain.errors import Unavailable
from tfchain.node.devnet.beacon import Beacon, beacons_folder, seen

NODE_VARIABLE: Final = "TFCHAIN_NODE"
ANSWER_S: Final = 3.0
"""For an answer of a validator on this machine."""
STATUS_BYTES_MAX: Final = 4 * 1024 * 1024
REMEDY: Final = f"give --node URL, or set {NODE_VARIABLE}, or run `tfchain devnet`"


def named(url: str) -> str:
    """The node to ask. `url`: what --node or the environment says; empty for neither.

    Raises:
        Unavailable: none is named, and not exactly one devnet answers on this machine.
    """
    return url or nearby(environ)


def nearby(variables: Mapping[str, str]) -> str:
    """The devnet of this user that runs here; raises `Unavailable` as `named`."""
    beacons = seen(beacons_folder(variables))
    if not beacons:
        raise Unavailable("no node was named, and no devnet runs here", "--node", REMEDY)
    answering = [url for beacon in beacons if (url := first_answering(beacon))]
    if not answering:
        what = f"the devnet of process {beacons[0].pid} does not answer"
        remedy = "wait until it is up, or name a node with --node URL"
        raise Unavailable(what, beacons[0].urls[0], remedy)
    if len(answering) > 1:
        what = f"{len(answering)} devnets run here"
        raise Unavailable(what, ", ".join(answering), "choose one with --node URL")
    return answering[0]


def first_answering(beacon: Beacon) -> str:
    """The first of its addresses at which its own chain answers; empty where none does."""
    return next((url for url in beacon.urls if _is_on(url, beacon.chain_id)), "")


def _is_on(url: str, chain_id: str) -> bool:
    """Whether a node of this chain answers there, and not whoever got the port after it."""
    answer = bytearray()
    try:
        with (
            httpx.Client(timeout=ANSWER_S, trust_env=False) as http,
            http.stream("GET", f"{url}/v1/status") as response,
        ):
            for piece in response.iter_bytes():
                answer += piece
                if len(answer) > STATUS_BYTES_MAX:
                    return False
        plain = json.loads(answer)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError):
        return False
    return isinstance(plain, dict) and plain.get("chain_id") == chain_id
