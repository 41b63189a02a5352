"""Numbers as strings: what is read, what is refused, what is written."""

from typing import Any

import pytest
from graphql import GraphQLError, parse_value

from tfchain.web.graphql.database import compare_decimals, lower
from tfchain.web.graphql.scalars import DIGITS_MAX, big_decimal, big_int, decimal_text
from tfchain.web.graphql.sdl import schema


@pytest.mark.parametrize(
    ("given", "number"),
    [("7", 7), (8, 8), ("-7", -7), ("+7", 7), ("007", 7), (2**70, 2**70), (5.0, 5), (-0.0, 0)],
)
def test_a_big_number_is_read(given: Any, number: int) -> None:
    assert big_int(given) == number


@pytest.mark.parametrize(
    "given",
    ["", "x", "1.0", 1.5, "1e3", " 1", "1\n", "٣", True, None, [], "1" * (DIGITS_MAX + 1), 10**200],
)
def test_no_big_number(given: Any) -> None:
    with pytest.raises(GraphQLError):
        big_int(given)


@pytest.mark.parametrize("given", ["1", "1.", "-1.50", "1e3", "1.5e-7", 2.5, 7, 1e21])
def test_a_decimal_is_read(given: Any) -> None:
    assert float(big_decimal(given)) == float(given)


@pytest.mark.parametrize("given", ["", ".5", "x", "1,5", "NaN", "Infinity", True, "1e99999", "--1"])
def test_no_decimal(given: Any) -> None:
    with pytest.raises(GraphQLError):
        big_decimal(given)


@pytest.mark.parametrize(
    ("name", "literal", "value"),
    [
        ("BigInt", "8", 8),
        ("BigInt", '"7"', 7),
        ("BigInt", "1.5", None),
        ("BigInt", "true", None),
        ("BigDecimal", "8", "8"),
        ("BigDecimal", "2.5", "2.5"),
        ("BigDecimal", "1E3", "1e3"),
        ("BigDecimal", '"1.5"', "1.5"),
        ("BigDecimal", "[1]", None),
    ],
)
def test_literals(name: str, literal: str, value: Any) -> None:
    scalar: Any = schema().type_map[name]
    assert scalar.parse_literal(parse_value(literal), None) == value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("1.50", "1.5"),
        ("-12", "-12"),
        ("100", "100"),
        ("1000.10", "1000.1"),
        ("0.0000001", "0.0000001"),
        ("1e-18", "0.000000000000000001"),
        ("1.5e-19", "1.5e-19"),
        ("123456789012345678901", "123456789012345678901"),
        ("1e21", "1e+21"),
        ("-123456789012345678901234567890", "-1.2345678901234567890123456789e+29"),
    ],
)
def test_a_decimal_is_written_as_the_public_server_does(text: str, written: str) -> None:
    assert decimal_text(text) == written


def test_decimals_compare_by_what_they_are_worth() -> None:
    assert compare_decimals("1.50", "1.5") == 0
    assert compare_decimals("9", "10") == -1
    assert compare_decimals("10", "9") == 1


def test_small_letters() -> None:
    assert (lower("ÉΣ"), lower("ABC"), lower(None)) == ("éσ", "abc", None)
