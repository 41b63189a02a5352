"""`tfchain simulate --exhaustive`: every state of one height, up to a number of them."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

import typer

from tfchain.sim.exhaustive import Found, Search
from tfchain.sim.local import ROUNDS, VALIDATORS

STATES_MAX: Final = 100_000_000


def tell_all(states: int, jobs: int) -> bool:
    """Search with each validator as the liar, and tell what was found; whether nothing is broken."""
    typer.echo(f"{VALIDATORS} validators, 1 height, {ROUNDS} rounds, at most {states} states each")
    good = True
    for found in _all(states, jobs):
        _tell(found)
        good = good and not found.broken
    if good:
        typer.echo("no state breaks agreement or validity")
    return good


def _all(states: int, jobs: int) -> Iterator[Found]:
    liars = range(VALIDATORS)
    if jobs == 1:
        yield from (_search(liar, states) for liar in liars)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_search, liars, [states] * VALIDATORS)


def _search(liar: int, states: int) -> Found:
    return Search(liar, states).run()


def _tell(found: Found) -> None:
    bound = "all there are" if found.whole else "the bound"
    typer.echo(
        f"liar: {found.liar}: {found.states} states ({bound}), {found.merged} merged,"
        f" {found.places} places of a machine"
    )
    for block, count in sorted(found.decided.items()):
        typer.echo(f"  decided the {block} block: {count} states")
    for rule, count in found.rules.items():
        typer.echo(f"  {rule}: {count} places")
    if found.broken:
        typer.echo(f"  {found.broken}")
        for line in found.story:
            typer.echo(f"    {line}")
