"""Every filter of a where-input, as the public server reads it."""

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        pytest.param("{}", "1234", id="an empty filter asks nothing"),
        pytest.param("null", "1234", id="nor does null"),
        pytest.param("{nodeID_eq: 2}", "2", id="equal"),
        pytest.param("{nodeID_not_eq: 2}", "134", id="not equal"),
        pytest.param("{nodeID_gt: 2}", "34", id="above"),
        pytest.param("{nodeID_gte: 2}", "234", id="not below"),
        pytest.param("{nodeID_lt: 2}", "1", id="below"),
        pytest.param("{nodeID_lte: 2}", "12", id="not above"),
        pytest.param("{nodeID_in: [4, 1, 9]}", "14", id="one of"),
        pytest.param("{nodeID_not_in: [4, 1, 9]}", "23", id="none of"),
        pytest.param("{nodeID_in: 3}", "3", id="a value stands for a list of one"),
        pytest.param("{nodeID_in: []}", "", id="one of none"),
        pytest.param("{nodeID_not_in: []}", "1234", id="none of none"),
        pytest.param("{nodeID_eq: null}", "", id="nothing equals null"),
        pytest.param("{uptime_eq: null}", "", id="not even null"),
        pytest.param("{uptime_not_eq: null}", "", id="nothing differs from null"),
        pytest.param("{uptime_in: null}", "", id="one of null"),
        pytest.param("{uptime_not_in: null}", "", id="none of null"),
        pytest.param("{uptime_not_eq: 5}", "24", id="null does not differ from a value"),
        pytest.param("{uptime_isNull: true}", "3", id="null"),
        pytest.param("{uptime_isNull: false}", "124", id="not null"),
        pytest.param("{uptime_gt: 5}", "24", id="a big number out of a number"),
        pytest.param('{uptime_eq: "9007199254740993"}', "2", id="a big number out of a string"),
        pytest.param('{uptime_lt: "18446744073709551616"}', "124", id="below what no row holds"),
        pytest.param('{uptime_gt: "-99999999999999999999"}', "124", id="above what no row holds"),
        pytest.param('{uptime_eq: "9223372036854775808"}', "", id="one past the largest"),
        pytest.param('{uptime_in: ["9223372036854775808", 5]}', "1", id="that in a list"),
        pytest.param('{uptime_not_in: ["9223372036854775808"]}', "124", id="that out of a list"),
        pytest.param("{uptime_gt: 1.5}", "", id="a literal that is no big number is null"),
        pytest.param("{secure_eq: true}", "1", id="true"),
        pytest.param("{secure_not_eq: true}", "3", id="not true is false, not null"),
        pytest.param('{country_eq: "BE"}', "4", id="text"),
        pytest.param("{power_isNull: true}", "4", id="no object"),
        pytest.param("{power_isNull: false}", "123", id="an object"),
        pytest.param("{location_isNull: true}", "", id="an object that always is"),
        pytest.param("{power: {state_eq: Down}}", "23", id="inside an object"),
        pytest.param("{power: {state_eq: Down, target_eq: Up}}", "3", id="two inside an object"),
        pytest.param("{power: {state_in: [Up]}}", "1", id="an enum in a list"),
        pytest.param("{power: {state_isNull: true}}", "4", id="null inside an object"),
        pytest.param("{power: {}}", "1234", id="nothing asked of an object"),
        pytest.param("{power: null}", "1234", id="null asked of an object"),
        pytest.param("{publicConfig_isNull: true}", "24", id="nobody leads here"),
        pytest.param("{publicConfig_isNull: false}", "13", id="somebody does"),
        pytest.param('{publicConfig: {ipv4_startsWith: "3"}}', "3", id="by who leads here"),
        pytest.param("{publicConfig: {domain_isNull: true}}", "234", id="null behind nobody too"),
        pytest.param(
            "{publicConfig: {node: {power: {target_eq: Up}}}}", "13", id="there and back again"
        ),
        pytest.param("{nodeID_eq: 1, farmID_eq: 2}", "", id="fields beside each other hold both"),
        pytest.param("{AND: [{nodeID_gt: 1}, {nodeID_lt: 4}]}", "23", id="and"),
        pytest.param("{nodeID_gt: 1, AND: {nodeID_lt: 4}}", "23", id="a field and an AND"),
        pytest.param("{OR: [{nodeID_eq: 1}, {nodeID_eq: 4}]}", "14", id="or"),
        pytest.param(
            "{nodeID_eq: 1, OR: [{nodeID_eq: 3}]}", "13", id="a field beside an OR is a branch"
        ),
        pytest.param(
            "{nodeID_gt: 1, nodeID_lt: 3, OR: [{nodeID_eq: 4}]}", "24", id="so are two together"
        ),
        pytest.param(
            "{AND: [{nodeID_gt: 2}], OR: [{nodeID_eq: 1}]}", "134", id="so is an AND beside an OR"
        ),
        pytest.param("{nodeID_eq: 1, OR: []}", "1", id="an OR of nothing"),
        pytest.param("{nodeID_eq: 1, OR: null, AND: null}", "1", id="an OR of null"),
        pytest.param("{nodeID_eq: 1, OR: [{}, {AND: []}]}", "1", id="an OR of empty filters"),
        pytest.param("{OR: {OR: {nodeID_eq: 1}, nodeID_eq: 2}}", "12", id="an OR in an OR"),
        pytest.param(
            "{nodeID_not_in: [], OR: [{nodeID_eq: 3}]}", "3", id="a branch that asks nothing falls"
        ),
    ],
)
def test_nodes_are_chosen(where: str, ids: str, ask: Callable[..., Any]) -> None:
    told = ask(f"{{ nodes(where: {where}, orderBy: id_ASC) {{ id }} }}")
    assert told.status == 200
    assert "".join(node["id"][1:] for node in told.data["nodes"]) == ids


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        pytest.param('{name_contains: "arm"}', "12", id="contains"),
        pytest.param('{name_contains: "_"}', "2", id="an underscore is a letter"),
        pytest.param('{name_contains: "%"}', "3", id="so is a percent sign"),
        pytest.param('{name_contains: ""}', "123", id="everything contains nothing"),
        pytest.param('{name_not_contains: "arm"}', "3", id="does not contain"),
        pytest.param('{name_contains: "green"}', "2", id="case counts"),
        pytest.param('{name_containsInsensitive: "GREEN"}', "12", id="or does not"),
        pytest.param('{name_containsInsensitive: "éL"}', "3", id="beyond ASCII too"),
        pytest.param('{name_not_containsInsensitive: "GREEN"}', "3", id="the opposite"),
        pytest.param('{name_startsWith: "Green"}', "1", id="starts"),
        pytest.param('{name_not_startsWith: "Green"}', "23", id="starts otherwise"),
        pytest.param('{name_startsWith: ""}', "123", id="everything starts with nothing"),
        pytest.param('{name_endsWith: "_farm"}', "2", id="ends"),
        pytest.param('{name_endsWith: ""}', "123", id="everything ends with nothing"),
        pytest.param('{name_endsWith: "x green_farm"}', "", id="the end is longer than the text"),
        pytest.param('{name_not_endsWith: "_farm"}', "13", id="ends otherwise"),
        pytest.param('{name_gt: "green"}', "23", id="texts compare by code point"),
        pytest.param(
            '{stellarAddress_not_contains: "x"}', "2", id="null contains nothing, nor not"
        ),
        pytest.param("{stellarAddress_contains: null}", "", id="nothing contains null"),
        pytest.param('{name_eq: "\' OR 1=1 --"}', "", id="a text is a text"),
        pytest.param("{certification_eq: Gold}", "1", id="an enum"),
        pytest.param("{certification_not_eq: Gold}", "3", id="another enum"),
        pytest.param("{certification_not_in: [Gold]}", "3", id="none of an enum"),
        pytest.param('{publicIPs_some: {ip_startsWith: "1"}}', "1", id="some of many"),
        pytest.param("{publicIPs_some: {}}", "12", id="any of many"),
        pytest.param("{publicIPs_some: null}", "12", id="any, said with null"),
        pytest.param("{publicIPs_none: {contractId_gt: 0}}", "23", id="none of many"),
        pytest.param("{publicIPs_none: {}}", "3", id="none at all"),
        pytest.param("{publicIPs_every: {contractId_eq: 0}}", "23", id="every one, and of none"),
        pytest.param("{publicIPs_every: {}}", "123", id="every one without a word"),
        pytest.param(
            '{publicIPs_every: {farm: {stellarAddress_not_eq: "x"}}}',
            "23",
            id="of null it cannot be said",
        ),
        pytest.param(
            "{publicIPs_some: {farm: {publicIPs_some: {contractId_eq: 7}}}}", "1", id="down and up"
        ),
    ],
)
def test_farms_are_chosen(where: str, ids: str, ask: Callable[..., Any]) -> None:
    told = ask(f"{{ farms(where: {where}, orderBy: id_ASC) {{ id }} }}")
    assert "".join(farm["id"][1:] for farm in told.data["farms"]) == ids


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param('publicIps(where: {farm: {name_eq: "green_farm"}})', "3", id="by a link"),
        pytest.param("publicIps(where: {farm_isNull: true})", "", id="a link that always is"),
        pytest.param(
            "nodeContracts(where: {resourcesUsed_isNull: true}, orderBy: id_ASC)",
            "23",
            id="no link",
        ),
        pytest.param('priceStoreds(where: {newPrice_eq: "9.0"}, orderBy: id_ASC)', "13", id="9.0"),
        pytest.param("priceStoreds(where: {newPrice_gt: 9.5})", "2", id="a decimal out of a float"),
        pytest.param('priceStoreds(where: {newPrice_in: ["1e1"]})', "2", id="10 in a list"),
        pytest.param("solutionProviders(where: {providers_isNull: true})", "3", id="no list"),
        pytest.param("pricingPolicies(where: {su_isNull: true})", "", id="an object of nulls is"),
        pytest.param(
            "pricingPolicies(where: {su: {value_eq: 5, unit_isNull: true}})", "1", id="null within"
        ),
    ],
)
def test_others_are_chosen(query: str, ids: str, ask: Callable[..., Any]) -> None:
    told = ask(f"{{ rows: {query} {{ id }} }}")
    assert "".join(row["id"][1:] for row in told.data["rows"]) == ids


def test_filters_come_as_variables(ask: Callable[..., Any]) -> None:
    query = "query ($w: NodeWhereInput) { nodes(where: $w, orderBy: id_ASC) { id } }"
    where = {"OR": [{"uptime_eq": 5}, {"uptime_eq": "9007199254740993"}], "nodeID_in": [4]}
    assert [row["id"] for row in ask(query, w=where).data["nodes"]] == ["n1", "n2", "n4"]


def test_whether_null_is_true_or_false(ask: Callable[..., Any]) -> None:
    told = ask("{ nodes(where: {uptime_isNull: null}) { id } }")
    assert (told.status, told.data, told.code) == (200, None, "INTERNAL_SERVER_ERROR")


def test_half_a_letter_is_no_letter(ask: Callable[..., Any]) -> None:
    """A lone surrogate can be written in JSON, and cannot be stored."""
    query = "query ($t: String) { farms(where: {name_contains: $t}) { id } }"
    assert ask(query, t="\ud800").data == {"farms": []}
