"""What parameters are read as, and what is refused."""

import json

import pytest

from tfchain.errors import Malformed
from tfchain.web.proxy import parameters
from tfchain.web.proxy.parameters import QUERY_BYTES_MAX, SIZE_MAX, Limit, Read, asked, query_of


@pytest.mark.parametrize(
    ("read", "said", "value"),
    [
        pytest.param(parameters.number, ["7"], 7, id="a number"),
        pytest.param(parameters.number, ["1", "2"], 2, id="the last of several"),
        pytest.param(
            parameters.number, ["18446744073709551615"], 2**63 - 1, id="more than SQL has"
        ),
        pytest.param(parameters.decimal, ["12.5"], 12.5, id="a decimal"),
        pytest.param(parameters.decimal, ["-.5e2"], -50.0, id="a decimal with an exponent"),
        pytest.param(parameters.flag, ["true"], 1, id="true"),
        pytest.param(parameters.flag, ["F"], 0, id="F"),
        pytest.param(parameters.numbers, ["1,2", "3"], "[1, 2, 3]", id="lists both ways"),
        pytest.param(parameters.words, ["Created,x"], '["created", "x"]', id="words"),
        pytest.param(parameters.statuses, ["up", "down"], '["up", "down"]', id="statuses"),
        pytest.param(parameters.features, ["zdb"], '["zdb"]', id="features"),
        pytest.param(parameters.text, ["a,b"], "a,b", id="a text with a comma"),
    ],
)
def test_a_value_is_read(read: Read, said: list[str], value: object) -> None:
    assert read(said) == value


@pytest.mark.parametrize(
    ("read", "said"),
    [
        pytest.param(parameters.number, "x", id="no number"),
        pytest.param(parameters.number, "-1", id="less than none"),
        pytest.param(parameters.number, "+1", id="a sign"),
        pytest.param(parameters.number, "1.0", id="a point"),
        pytest.param(parameters.number, " 1", id="a space"),
        pytest.param(parameters.number, "1_0", id="an underscore"),
        pytest.param(parameters.number, "\u0661", id="a digit of another script"),
        pytest.param(parameters.number, "18446744073709551616", id="one too many"),
        pytest.param(parameters.number, "9" * 5_000, id="digits without end"),
        pytest.param(parameters.decimal, "nan", id="nan"),
        pytest.param(parameters.decimal, "inf", id="inf"),
        pytest.param(parameters.decimal, ".", id="a point alone"),
        pytest.param(parameters.decimal, "1e999", id="beyond any number"),
        pytest.param(parameters.decimal, "9" * 400, id="a decimal without end"),
        pytest.param(parameters.flag, "yes", id="neither true nor false"),
        pytest.param(parameters.numbers, "1,,2", id="a hole in a list"),
        pytest.param(parameters.numbers, "1,x", id="a word in a list of numbers"),
        pytest.param(parameters.statuses, "up,asleep", id="no status"),
        pytest.param(parameters.features, "flying", id="no feature"),
    ],
)
def test_a_value_is_refused(read: Read, said: str) -> None:
    with pytest.raises(Malformed, match="is due"):
        read([said])


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        (b"", {}),
        (b"a=1&b=&a=2", {"a": ["1", "2"]}),
        (b"name=%C3%85+x%26", {"name": ["Å x&"]}),
        (b"name=%ff%00", {"name": ["\ufffd\x00"]}),
        (b"a", {}),
    ],
    ids=["nothing", "an empty one is not there", "encoded", "bad bytes", "no value"],
)
def test_a_query_is_taken_apart(raw: bytes, query: dict[str, list[str]]) -> None:
    assert query_of(raw) == query


def test_a_query_has_a_bound() -> None:
    assert query_of(b"a=" + b"1" * (QUERY_BYTES_MAX - 2))
    with pytest.raises(Malformed, match="longer than"):
        query_of(b"a=" + b"1" * (QUERY_BYTES_MAX - 1))


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ({}, Limit(size=50, page=1)),
        ({"size": "0", "page": "0"}, Limit(size=0, page=1)),
        ({"size": "99999"}, Limit(size=SIZE_MAX)),
        ({"sort_by": "name", "sort_order": "DeSc"}, Limit(sort_by="name", descending=True)),
        ({"ret_count": "true", "randomize": "1"}, Limit(counted=True, shuffled=True)),
        ({"ret_count": "false", "balance": "2.5"}, Limit(balance=2.5)),
    ],
    ids=["as it is", "zeros", "everything", "an order", "flags", "a balance"],
)
def test_every_list_takes_the_same_limits(query: dict[str, str], limit: Limit) -> None:
    assert asked({name: [value] for name, value in query.items()}, {}, ["name"]).limit == limit


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ({"farm_id": "1"}, "there is no parameter farm_id"),
        ({"x" * 500: "1"}, f"there is no parameter {'x' * 64}$"),
        ({"size": "many"}, "^size: "),
        ({"sort_by": "colour"}, "^sort_by: "),
        ({"sort_order": "up"}, "^sort_order: "),
        ({"ids": "a"}, "^ids: "),
    ],
    ids=["unknown", "a long name", "a size", "an order", "a way", "a filter"],
)
def test_a_refusal_says_which_parameter(query: dict[str, str], word: str) -> None:
    with pytest.raises(Malformed, match=word):
        asked(
            {name: [value] for name, value in query.items()}, {"ids": parameters.numbers}, ["name"]
        )


def test_filters_are_kept_apart_from_limits() -> None:
    values = asked({"ids": ["1,2"], "size": ["3"]}, {"ids": parameters.numbers}).values
    assert {name: json.loads(str(value)) for name, value in values.items()} == {"ids": [1, 2]}
