"""Receipt texts to the byte: escaping, floats, fields."""

import pytest

from tfchain.base.units import GIB, Millionths, Seconds
from tfchain.ledger.records import Resources
from tfchain.rules.receipt_text import (
    Used,
    cloud_units,
    float_text,
    json_text,
    quoted,
    receipt_hash,
    resource_units,
    utilization,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-12.5, "-12.5"),
        (0.1, "0.1"),
        (0.30000000000000004, "0.30000000000000004"),
        (0.001, "0.001"),
        (0.00001, "0.00001"),
        (0.00001234, "0.00001234"),
        (0.00000999, "9.99e-6"),
        (1e-6, "1e-6"),
        (1.5e-6, "1.5e-6"),
        (5e-324, "5e-324"),
        (1e15, "1000000000000000.0"),
        (9007199254740993.0, "9007199254740992.0"),
        (9999999999999998.0, "9999999999999998.0"),
        (123456789012345.6, "123456789012345.6"),
        (1234567890123456.5, "1234567890123456.5"),
        (1e16, "1e16"),
        (1.2345678901234568e17, "1.2345678901234568e17"),
        (1e21, "1e21"),
        (1.7976931348623157e308, "1.7976931348623157e308"),
    ],
)
def test_a_float_is_written_as_ryu_writes_it(value: float, text: str) -> None:
    assert float_text(value) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", '""'),
        ('a "q" \\ b', '"a \\"q\\" \\\\ b"'),
        ("\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
        ("\x00\x01\x1f", '"\\u0000\\u0001\\u001f"'),
        ("fàrm 漢 🚜 \x7f\u2028\x85/", '"fàrm 漢 🚜 \x7f\u2028\x85/"'),
    ],
)
def test_only_what_must_be_is_escaped(text: str, written: str) -> None:
    assert quoted(text) == written


def test_json_is_compact_and_keeps_its_order() -> None:
    assert json_text({"b": 1, "a": {"x": None, "y": 2.0}, "": "z"}) == (
        '{"b":1,"a":{"x":null,"y":2.0},"":"z"}'
    )


def test_the_hash_is_over_the_utf8_of_the_text() -> None:
    assert receipt_hash("").hex() == (
        "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    )
    assert receipt_hash("à") != receipt_hash("a")


def test_units_are_shown_as_doubles() -> None:
    units = cloud_units(Millionths(250_000), Millionths(400_000), Millionths(0))
    assert (units.cu, units.su, units.nu) == (0.25, 0.4, 0.0)
    offered = resource_units(Resources(cru=16, mru=GIB // 2, hru=0, sru=3 * GIB))
    assert (offered.cru, offered.mru, offered.hru, offered.sru) == (16.0, 0.5, 0.0, 3.0)


def test_use_is_shown_in_percent_and_of_nothing_it_is_zero() -> None:
    total = Resources(cru=8, mru=1_000, hru=0, sru=3)
    used = Used(cru=2 * 100 + 99, mru=1_000 * 100, hru=5_000, sru=100, ip_seconds=1_800)
    shown = utilization(used, total, Seconds(100))
    assert (shown.cru, shown.mru, shown.hru, shown.ip) == (25.0, 100.0, 0.0, 0.5)
    assert shown.sru == 100.0 / 3
