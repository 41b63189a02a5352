"""One error for a person, out of the group in which a nursery's tasks ended."""

from collections.abc import Iterator
from contextlib import contextmanager

from tfchain.errors import Divergence, TfchainError


@contextmanager
def one_fault() -> Iterator[None]:
    """Raise the one error that a nursery's group comes down to, in place of the group."""
    try:
        yield
    except BaseExceptionGroup as group:
        fault = fault_of(group)
        if fault is None:
            raise
        raise fault from group


def fault_of(group: BaseExceptionGroup[BaseException]) -> TfchainError | None:
    """The error that a group comes down to; None if something else than ours is in it.

    A divergence is named before all others: it is why a person must come.
    """
    leaves = list(_leaves(group))
    faults = [leaf for leaf in leaves if isinstance(leaf, TfchainError)]
    if len(faults) < len(leaves):
        return None
    return next((fault for fault in faults if isinstance(fault, Divergence)), faults[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for inner in group.exceptions:
        if isinstance(inner, BaseExceptionGroup):
            yield from _leaves(inner)
        else:
            yield inner
