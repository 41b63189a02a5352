"""A block that is gone through step by step comes to the codes that executing it gave, halted or not."""

from pathlib import Path

import pytest

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key, sign
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Millis, Utft
from tfchain.chain.execute import Input, execute, outcome_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.ledger import tables
from tfchain.ledger.proposals import Docket
from tfchain.ledger.state import State
from tfchain.node.rebuilding import steps_of
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

START = 1_700_000_000
SEED = bytes([1]) * 32
RICH = Address(public_key(SEED))


def _rows(*, halted: bool) -> tuple[str, dict[bytes, bytes]]:
    """Chain id and state of a devnet on which one account is rich."""
    template = Path(__file__).resolve().parents[3] / "genesis" / "devnet.toml"
    who = to_text(RICH)
    text = template.read_text(encoding="utf-8").replace("time = 0", f"time = {START}", 1)
    text += f'\n[[account]]\naddress = "{who}"\nbalance = 1000000000\n'
    text += f'\n[[validator]]\nkey = "{who}"\npower = 1\nreward_account = "{who}"\n'
    genesis = read_genesis(text + f'\n[[guardian]]\naccount = "{who}"\n')
    rows = {key: row for key, row in genesis_outcome(genesis).rows if row is not None}
    state = State(rows)
    docket = Docket(last=0, open=(), passed=(), halted=halted)
    tables.DOCKET.put(state, tables.SINGLE, docket)
    rows.update((key, row) for key, row in outcome_of(rows, state, []).rows if row is not None)
    return genesis.params.chain_id, rows


@pytest.mark.parametrize(("halted", "code"), [(False, "ok"), (True, "halted")])
def test_the_steps_say_what_the_block_said(halted: bool, code: str) -> None:
    chain_id, rows = _rows(halted=halted)
    envelope = Envelope(
        chain_id=chain_id,
        sender=RICH,
        nonce=0,
        valid_until=Height(9),
        fee=Utft(10_000),
        kind=NUMBERS[Transfer],
    )
    body = layout(Transfer).pack(Transfer(to=Address(bytes([9]) * 32), amount=Utft(500)))
    raw = encode_transaction(envelope, body, sign(SEED, message_of(envelope, body)))
    block = Input(
        height=Height(1), time_ms=Millis((START + 1) * 1_000), reward_account=RICH, txs=(raw,)
    )
    assert execute(rows, block).codes == (code,)
    _, step, _ = steps_of(rows, block)
    assert step.code == code
