"""Cells and facts that lead to the page of what they name."""

from typing import Final
from urllib.parse import quote

from tfchain.ledger.minting import DISPUTED, PAID, PAYING, STATES, VOID
from tfchain.web.pages import words
from tfchain.web.pages.parts import Cell, Fact

ROOT: Final = "/explorer"
_HEAD, _TAIL = 8, 6
_TONES: Final = {PAID: "good", PAYING: "good", DISPUTED: "bad", VOID: "bad"}


def brief(text: str) -> str:
    """A hash or an address as people compare them: its first characters and its last."""
    if len(text) <= _HEAD + _TAIL + 1:
        return text
    return f"{text[:_HEAD]}\N{HORIZONTAL ELLIPSIS}{text[-_TAIL:]}"


def block_at(height: int) -> str:
    return f"{ROOT}/blocks/{height}"


def transaction_at(name: str) -> str:
    return f"{ROOT}/transactions/{name}"


def account_at(name: str) -> str:
    return f"{ROOT}/accounts/{name}"


def farm_at(number: int) -> str:
    return f"{ROOT}/farms/{number}"


def node_at(number: int) -> str:
    return f"{ROOT}/nodes/{number}"


def statement_at(node: int, start: int) -> str:
    return f"{ROOT}/nodes/{node}/statements/{start}"


def batch_at(schedule: int, period: int) -> str:
    return f"{ROOT}/batches/{schedule}/{period}"


def validator_at(name: str) -> str:
    return f"{ROOT}/validators/{name}"


def change_at(number: int) -> str:
    return f"{ROOT}/governance/changes/{number}"


def proposal_at(number: int) -> str:
    return f"{ROOT}/governance/proposals/{number}"


def country_at(name: str) -> str:
    return f"{ROOT}/nodes?country={quote(name, safe='')}"


def block(height: int) -> Cell:
    return Cell(text=f"{height:,}", href=block_at(height))


def maybe_block(height: int | None) -> Cell:
    """Nothing where there is none: 0 stands for not yet."""
    return block(height) if height else Cell(text="")


def transaction(name: str) -> Cell:
    return Cell(text=brief(name), code=True, href=transaction_at(name))


def account(name: str | None) -> Cell:
    if name is None:
        return Cell(text="the ledger")
    return Cell(text=brief(name), code=True, href=account_at(name))


def validator(name: str) -> Cell:
    return Cell(text=brief(name), code=True, href=validator_at(name))


def farm(number: int, name: str = "") -> Cell:
    return Cell(text=words.name(name) or f"{number}", href=farm_at(number))


def node(number: int) -> Cell:
    return Cell(text=f"{number}", href=node_at(number))


def batch(schedule: int, period: int) -> Cell:
    return Cell(text=f"{schedule}/{period}", href=batch_at(schedule, period))


def state(number: int) -> Cell:
    """A batch's."""
    return Cell(text=STATES[number], tone=_TONES.get(number, ""))


def code(text: str) -> Cell:
    """What a transaction came to."""
    return Cell(text=text, tone="" if text == "ok" else "bad")


def number(value: int) -> str:
    return f"{value:,}"


def fact(name: str, label: str, text: str, href: str = "") -> Fact:
    return Fact(id=name, label=label, text=text, href=href)


def coded(name: str, label: str, text: str, href: str = "") -> Fact:
    """A hash or an address, in full."""
    return Fact(id=name, label=label, text=text, code=True, href=href)
