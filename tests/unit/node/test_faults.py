"""Of a group of ends, the one that a person must know."""

import pytest

from tfchain.errors import Divergence, Unavailable
from tfchain.node.faults import one_fault

FULL = Unavailable("the disk is full", "/data", "free space")
FORK = Divergence("block 7: another state root")


def test_one_error_comes_out_of_nested_groups() -> None:
    with pytest.raises(Unavailable) as caught, one_fault():
        raise ExceptionGroup("tasks", [ExceptionGroup("inner", [FULL])])
    assert caught.value is FULL


def test_a_divergence_is_named_before_all_others() -> None:
    with pytest.raises(Divergence), one_fault():
        raise ExceptionGroup("tasks", [FULL, ExceptionGroup("inner", [FORK])])


def test_a_bug_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ExceptionGroup), one_fault():
        raise ExceptionGroup("tasks", [FULL, AssertionError("never")])


def test_no_error_is_no_error() -> None:
    with one_fault():
        pass
