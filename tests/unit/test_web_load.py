"""What scripts/web_load counts, and that its heavy query is within what one may ask."""

import json

import graphql
import pytest

from scripts.web_load import percentile, uneven
from scripts.web_load_clients import HEAVY, ROOTS
from tfchain.web.graphql.bounds import ROOTS_MAX


@pytest.mark.parametrize(
    ("heights", "found"),
    [
        pytest.param([], 0, id="nothing"),
        pytest.param([4, 5, 6], 0, id="one after the other"),
        pytest.param([4, 6], 1, id="one is left out"),
        pytest.param([4, 5, 5, 6], 1, id="one came twice"),
    ],
)
def test_what_is_left_out_or_doubled_is_counted(heights: list[int], found: int) -> None:
    assert uneven(heights) == found


def test_percentiles_are_of_values_that_were_there() -> None:
    assert [percentile([], 99), percentile([7], 99)] == [0, 7]
    assert [percentile(range(1, 101), percent) for percent in (50, 99, 100)] == [50, 99, 100]


def test_the_heavy_query_is_one_and_near_the_bound() -> None:
    [one] = graphql.parse(json.loads(HEAVY)["query"]).definitions
    assert isinstance(one, graphql.OperationDefinitionNode)
    assert len(one.selection_set.selections) == ROOTS <= ROOTS_MAX
