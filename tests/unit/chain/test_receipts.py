"""A ledger receipt's id and its v3 text are derived from the record, so that nobody can alter either."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from tfchain.base import merkle
from tfchain.base.crypto import plain_digest
from tfchain.base.shapes import encode_record
from tfchain.base.units import Utft
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.ledger.minting import RECEIPT_TAG

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain


def _paid(chain: "Chain") -> None:
    chain.attend(1, 15, 75)
    chain.at(87)
    chain.at(97)


def test_the_text_says_what_the_record_says(chain: "Chain") -> None:
    _paid(chain)
    receipt = chain.receipt(1)
    said = json.loads(v3_text(receipt))
    assert said["period"] == {"start": receipt.start, "end": receipt.end}
    assert (said["node_id"], said["twin_id"], said["farm_id"]) == (1, 1, 1)
    assert (said["farm_name"], said["stellar_payout_address"]) == ("first_farm", "")
    assert said["measured_uptime"] == 60
    assert said["cloud_units"] == {"cu": 7.75, "su": 2.0, "nu": 0.0}
    assert said["resource_units"] == {"cru": 8.0, "mru": 32.0, "hru": 0.0, "sru": 500.0}
    assert said["reward"] == {"musd": 20_600, "tft": 2_575_000_000}
    assert said["resource_rewards"] == {"cu": 2_400, "su": 1_000, "nu": 30, "ipv4": 5}
    assert (said["node_type"], said["farming_policy_id"]) == ("DIY", 1)
    assert said["carbon_offset"] is None


def test_the_record_carries_the_hash_of_its_text(chain: "Chain") -> None:
    _paid(chain)
    receipt = chain.receipt(1)
    assert receipt.text_hash == plain_digest(v3_text(receipt).encode())
    other = replace(receipt, amount=Utft(receipt.amount + 1))
    assert plain_digest(v3_text(other).encode()) != receipt.text_hash


def test_a_certified_node_says_so(chain: "Chain") -> None:
    _paid(chain)
    assert '"CERTIFIED"' in v3_text(replace(chain.receipt(1), certified=True))


def test_the_id_is_the_leaf_over_all_of_the_record(chain: "Chain") -> None:
    _paid(chain)
    receipt = chain.receipt(1)
    assert receipt_id(receipt) == merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt))
    assert receipt_id(replace(receipt, text_hash=b"")) != receipt_id(receipt)
    assert chain.batch().root == receipt_id(receipt)  # the only leaf of its tree
