"""A measure is `[tag, record]` in bytes, and `name:field=value` for people; all else is refused."""

import pytest

from tfchain.base.codec import Plain
from tfchain.base.units import (
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
)
from tfchain.client.plain import read_record
from tfchain.errors import Malformed
from tfchain.ledger.measures import (
    CHAMBERS,
    MEASURES,
    NAMED,
    TAGS,
    AnyMeasure,
    ApproveBatch,
    AttachPolicy,
    CertifyFarm,
    Measure,
    SetPrice,
    row_of,
)
from tfchain.tx.kinds.propose import Propose

PRICE = SetPrice(price=MilliUsd(90))
FIELDS = {"farm_id": 1, "text_hash": "00" * 32, "link": "", "threshold": 5, "seconds": 0}


def test_a_tag_is_a_place_that_never_moves() -> None:
    names = (
        "set_price offer_policy attach_policy set_default_policy lower_cap seat_guardian"
        " add_regime set_rule set_power set_constant upgrade flag_fraud certify_node"
        " certify_farm halt approve_batch void_batch fix_receipt"
    )
    assert [row.name for row in MEASURES] == names.split()
    assert len(TAGS) == len(NAMED) == len(MEASURES)


def test_guardians_alone_decide_what_the_rules_give_them() -> None:
    alone = [row.name for row in MEASURES if CHAMBERS[row.chamber] == "guardians"]
    assert alone == [
        "set_rule",
        "flag_fraud",
        "certify_node",
        "certify_farm",
        "halt",
        "approve_batch",
        "void_batch",
        "fix_receipt",
    ]
    late = [row.name for row in MEASURES if not row.early]
    assert late == ["lower_cap", "seat_guardian", "set_power"]


def test_a_measure_comes_back_as_it_was() -> None:
    plain = AnyMeasure().pack(PRICE)
    assert plain == [0, [1, 90]]
    assert AnyMeasure().unpack(plain) == PRICE
    assert row_of(PRICE).name == "set_price"


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="an empty list"),
        pytest.param([0], id="a tag alone"),
        pytest.param([True, [1, 90]], id="true for a tag"),
        pytest.param([-1, [1, 90]], id="a negative tag"),
        pytest.param([len(MEASURES), [1, 90]], id="a tag that nobody has"),
        pytest.param([0, [1, 0]], id="a price of nothing"),
        pytest.param([0, [2, 90]], id="another version"),
        pytest.param([0, [1, 90], 1], id="a third item"),
    ],
)
def test_what_is_no_measure_is_malformed(plain: Plain) -> None:
    with pytest.raises(Malformed):
        AnyMeasure().unpack(plain)


@pytest.mark.parametrize(
    ("said", "measure"),
    [
        pytest.param("set_price:price=90", PRICE, id="in short"),
        pytest.param({"set_price": {"price": "90"}}, PRICE, id="as an object"),
        pytest.param({"set_price": "price=90"}, PRICE, id="half and half"),
        pytest.param(
            "certify_farm:farm_id=3,gold=yes", CertifyFarm(farm_id=FarmId(3), gold=True), id="flags"
        ),
        pytest.param(
            "attach_policy:farm_id=3,policy_id=2,cu=5,su=0,nodes=0,until=0,node_certified=no",
            AttachPolicy(
                farm_id=FarmId(3),
                policy_id=PolicyId(2),
                cu=5,
                su=0,
                nodes=0,
                until=Seconds(0),
                node_certified=False,
            ),
            id="many fields",
        ),
        pytest.param(
            "approve_batch:schedule=0,period=3,without=2+7",
            ApproveBatch(
                schedule=ScheduleId(0), period=PeriodIndex(3), without=(NodeId(2), NodeId(7))
            ),
            id="a list of numbers",
        ),
        pytest.param(
            "approve_batch:schedule=0,period=3,without=",
            ApproveBatch(schedule=ScheduleId(0), period=PeriodIndex(3), without=()),
            id="an empty list",
        ),
    ],
)
def test_people_name_a_measure_and_its_fields(said: object, measure: Measure) -> None:
    assert read_record(Propose, {**FIELDS, "measure": said}).measure == measure


@pytest.mark.parametrize(
    "said",
    ["", "price=90", "raise_price:price=90", "set_price", "set_price:cost=1", {}, 7, [0, [1, 90]]],
    ids=str,
)
def test_what_names_no_measure_is_malformed(said: object) -> None:
    with pytest.raises(Malformed, match="measure"):
        read_record(Propose, {**FIELDS, "measure": said})


def test_an_address_in_a_measure_is_read_as_one() -> None:
    account = Address(bytes([5]) * 32)
    plain = AnyMeasure().pack(NAMED["seat_guardian"](account=account, seated=True))  # type: ignore[call-arg]
    assert plain == [5, [1, account, True]]
