"""The guardian's desk: for this machine alone, and nothing is signed before somebody typed the total."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tfchain.base.units import UTFT_PER_TFT, Seconds
from tfchain.chain import export_records as records
from tfchain.chain.review import Difference
from tfchain.cli.audit import DictRows
from tfchain.client.http import Client
from tfchain.client.keys import Key
from tfchain.index.following import Watch
from tfchain.index.model import Model
from tfchain.node.devnet.homes import seed_of
from tfchain.node.heads import Heads
from tfchain.store.export import read_records, write_records
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import decode_transaction, transaction_id
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.desk import Desk
from tfchain.web.desk.routes import units_of
from tfchain.web.parts import Web

TOKEN: Final = "only-pages-of-ours-know"
HOST: Final = "http://127.0.0.1:7490"
COMMIT_AT, SEALED_AT, WHOLE = 78, 88, 93
TOTAL: Final = "4,546.1998750"
GUARDIAN: Final = Key(seed_of(1, "guardian/0"))


class Validator:
    """What the desk asks of one: its blocks, and to take a transaction."""

    def __init__(self, export: bytes) -> None:
        self.export = export
        self.taken: list[bytes] = []
        self.code = "ok"
        self.app = Starlette(
            routes=[
                Route("/v1/export", self.give),
                Route("/v1/txs", self.take, methods=["POST"]),
                Route("/v1/txs/{id}", self.tell),
            ]
        )

    async def give(self, _request: Request) -> Response:
        return Response(self.export)

    async def take(self, request: Request) -> Response:
        [text] = (await request.json())["txs"]
        self.taken.append(bytes.fromhex(text))
        row = {"id": transaction_id(self.taken[-1]).hex(), "code": "ok", "detail": ""}
        return JSONResponse({"results": [row]})

    async def tell(self, request: Request) -> Response:
        name = request.path_params["id"]
        known = {"id": name, "status": "committed", "height": 99, "position": 0, "code": self.code}
        return JSONResponse(known)


@pytest.fixture
def exported(golden_folder: Path) -> Callable[[int], bytes]:
    """The recording up to a height."""
    content = (golden_folder / "devnet.tfc").read_bytes()
    rows = [(kind, payload) for _, kind, payload in read_records(BytesIO(content))]

    def upto(height: int) -> bytes:
        kept, blocks, file = [], 0, BytesIO()
        for kind, payload in rows:
            blocks += kind == records.BLOCK
            if kind in (records.GENESIS, records.BLOCK) and blocks <= height:
                kept.append((kind, payload))
        write_records(file, kept)
        return file.getvalue()

    return upto


Sit = Callable[..., AbstractAsyncContextManager[tuple[httpx.AsyncClient, Desk]]]


@pytest.fixture
def sit(shown: Model) -> Sit:
    """`async with sit(validator) as (http, desk)`: a browser on the guardian's machine."""

    @asynccontextmanager
    async def seated(
        validator: Validator, *, key: Key | None = GUARDIAN, at: str = "127.0.0.1"
    ) -> AsyncIterator[tuple[httpx.AsyncClient, Desk]]:
        inner = httpx.AsyncClient(transport=httpx.ASGITransport(validator.app))
        async with inner, trio.open_nursery() as nursery:
            desk = Desk(client=Client("http://node", inner), rows=DictRows, token=TOKEN, key=key)
            await nursery.start(desk.serve)
            with closing(Asking(shown.path.parent)) as ask:
                watch = Watch(Heads(shown.height), print)
                web = Web(ask=ask, watch=watch, client=None, now=lambda: 1_795_281_216)
                transport = httpx.ASGITransport(application(web, desk), client=(at, 4711))
                async with httpx.AsyncClient(transport=transport, base_url=HOST) as http:
                    yield http, desk
            nursery.cancel_scope.cancel()

    return seated


async def looked_at(http: httpx.AsyncClient, desk: Desk, name: str = "0/0") -> str:
    """Press the button, and wait for the review."""
    begun = await http.post(f"/guardian/{name}/look", data={"token": TOKEN})
    assert (begun.status_code, begun.headers["location"]) == (303, f"/guardian/{name}")
    await desk.wait()
    return (await http.get(f"/guardian/{name}")).text


async def test_a_period_is_computed_here_and_attested_once_the_total_is_typed(
    sit: Sit, exported: Any
) -> None:
    validator = Validator(exported(SEALED_AT))
    async with sit(validator) as (http, desk):
        assert "Review 0/0" in (await http.get("/guardian")).text
        assert "Compute it here" in (await http.get("/guardian/0/0")).text
        text = await looked_at(http, desk)
        assert "<strong>Equal.</strong>" in text
        assert "uptime_too_high" in text
        assert f"Type the total, {TOTAL} TFT" in text
        wrong = await http.post("/guardian/0/0/sign", data={"token": TOKEN, "total": "4,546"})
        assert "nothing was signed" in wrong.text
        assert validator.taken == []
        done = await http.post("/guardian/0/0/sign", data={"token": TOKEN, "total": TOTAL})
        assert "<strong>Signed.</strong>" in done.text
    [raw] = validator.taken
    transaction = decode_transaction(raw)
    body = open_body(transaction)
    assert transaction.envelope.sender == GUARDIAN.address
    assert isinstance(body, AttestMint)
    assert body.total == 45_461_998_750


async def test_in_its_window_a_commitment_is_signed(sit: Sit, exported: Any) -> None:
    validator = Validator(exported(COMMIT_AT))
    async with sit(validator) as (http, desk):
        text = await looked_at(http, desk)
        assert "<strong>Not sealed.</strong>" in text
        assert "not shown yet" in text
        form = {"token": TOKEN, "total": f" {TOTAL.replace(',', '')} TFT "}
        assert "Signed." in (await http.post("/guardian/0/0/sign", data=form)).text
    assert isinstance(open_body(decode_transaction(validator.taken[0])), CommitMint)


async def test_what_the_ledger_refuses_is_told(sit: Sit, exported: Any) -> None:
    validator = Validator(exported(SEALED_AT))
    validator.code = "too_late"
    async with sit(validator) as (http, desk):
        await looked_at(http, desk)
        answer = await http.post("/guardian/0/0/sign", data={"token": TOKEN, "total": TOTAL})
    assert "too_late" in answer.text


@pytest.mark.parametrize(
    ("key", "height", "said"),
    [
        pytest.param(GUARDIAN, WHOLE, "nothing_due", id="all is said"),
        pytest.param(Key(seed_of(1, "faucet")), SEALED_AT, "not_a_guardian", id="no guardian"),
        pytest.param(None, SEALED_AT, "start it with --guardian-key", id="no key"),
    ],
)
async def test_where_nothing_is_due_there_is_no_form_to_sign(
    key: Key | None, height: int, said: str, sit: Sit, exported: Any
) -> None:
    validator = Validator(exported(height))
    async with sit(validator, key=key) as (http, desk):
        text = await looked_at(http, desk)
        assert said in text
        assert "/sign" not in text
        answer = await http.post("/guardian/0/0/sign", data={"token": TOKEN, "total": TOTAL})
        assert "Not done." in answer.text
    assert validator.taken == []


async def test_what_cannot_be_computed_says_why(sit: Sit, exported: Any) -> None:
    async with sit(Validator(b"rubbish")) as (http, desk):
        assert "Not done." in await looked_at(http, desk)
    async with sit(Validator(exported(SEALED_AT))) as (http, desk):
        assert "unknown_period" in await looked_at(http, desk, "0/7")


@pytest.mark.parametrize(
    ("at", "headers"),
    [
        pytest.param("10.0.0.9", {}, id="another machine"),
        pytest.param("127.0.0.1", {"host": "evil.example"}, id="a name that points here"),
        pytest.param("127.0.0.1", {"host": "127.0.0.1.evil.example:7490"}, id="nearly our name"),
        pytest.param("127.0.0.1", {"host": "[::2]:7490"}, id="another address"),
        pytest.param("127.0.0.1", {"x-forwarded-for": "127.0.0.1"}, id="somebody in between"),
    ],
)
async def test_strangers_do_not_see_the_desk(at: str, headers: dict[str, str], sit: Sit) -> None:
    async with sit(Validator(b""), at=at) as (http, _desk):
        for path in ("/guardian", "/guardian/0/0"):
            assert (await http.get(path, headers=headers)).status_code == 403
        for path in ("/guardian/0/0/look", "/guardian/0/0/sign"):
            answer = await http.post(path, headers=headers, data={"token": TOKEN})
            assert answer.status_code == 403


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        pytest.param("", {}, id="no token"),
        pytest.param("é" * 30, {}, id="another token"),
        pytest.param(TOKEN, {"origin": "http://evil.example"}, id="a page of another site"),
        pytest.param(TOKEN, {"origin": "null"}, id="a page of nobody"),
        pytest.param(TOKEN, {"sec-fetch-site": "cross-site"}, id="a browser that says so"),
    ],
)
async def test_forms_of_other_sites_do_nothing(
    token: str, headers: dict[str, str], sit: Sit
) -> None:
    async with sit(Validator(b"")) as (http, desk):
        for path in ("/guardian/0/0/look", "/guardian/0/0/sign"):
            answer = await http.post(path, headers=headers, data={"token": token})
            assert answer.status_code == 403
        assert (desk.looked, desk.going) == (None, None)


@pytest.mark.parametrize("host", ["localhost:7490", "127.0.0.1", "[::1]:7490"])
async def test_every_name_of_this_machine_will_do(host: str, sit: Sit) -> None:
    async with sit(Validator(b""), at="::1") as (http, _desk):
        answer = await http.get("/guardian", headers={"host": host})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_odd_requests_are_refused(sit: Sit) -> None:
    async with sit(Validator(b"")) as (http, _desk):
        for path in ("/guardian/0/x", "/guardian/256/0", f"/guardian/0/{2**32}"):
            assert (await http.get(path)).status_code == 404
        unseen = await http.post("/guardian/0/0/sign", data={"token": TOKEN, "total": "1"})
        assert unseen.status_code == 409
        long = await http.post("/guardian/0/0/look", data={"token": "x" * 5_000})
        assert long.status_code == 413
        many = await http.post("/guardian/0/0/look", content=b"a=1&" * 20)
        assert many.status_code == 400


async def test_one_period_is_computed_at_a_time(sit: Sit, exported: Any) -> None:
    async with sit(Validator(exported(SEALED_AT))) as (http, desk):
        await http.post("/guardian/0/0/look", data={"token": TOKEN})
        assert "Computing." in (await http.get("/guardian/0/0")).text
        other = await http.post("/guardian/0/1/look", data={"token": TOKEN})
        assert other.status_code == 409
        await desk.wait()


async def test_without_a_desk_there_is_none(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        assert (await http.get("/guardian")).status_code == 404


async def test_differences_stand_side_by_side(sit: Sit, exported: Any) -> None:
    async with sit(Validator(exported(SEALED_AT))) as (http, desk):
        await looked_at(http, desk)
        looked = desk.looked
        assert looked is not None
        review = looked.review
        assert review is not None
        [mine, gone, *_] = review.mine.receipts
        less = replace(mine, uptime=Seconds(mine.uptime - 1), reason="<b>")
        differences = (
            Difference(node_id=mine.node_id, mine=less, ledger=mine),
            Difference(node_id=gone.node_id, mine=None, ledger=gone),
        )
        batch = replace(review.batch, total=1)
        desk.looked = replace(looked, review=replace(review, batch=batch, differences=differences))
        text = (await http.get("/guardian/0/0")).text
    assert "<strong>Not equal.</strong>" in text
    table = re.findall(r"differences-table-caption.*?</table>", text, re.DOTALL)[0]
    assert table.count('role="row"') == 1 + 3
    assert "&lt;b&gt;" in table
    assert "no receipt" in table
    assert "<b>" not in table


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("1", UTFT_PER_TFT),
        (" 1,000.5 TFT ", 1_000 * UTFT_PER_TFT + 5_000_000),
        ("0.0000001", 1),
        ("0", 0),
        ("", None),
        (".5", None),
        ("1.00000001", None),
        ("-1", None),
        ("1e3", None),
        ("\u0661", None),
        ("9" * 64, None),
    ],
)
def test_amounts_are_read_as_they_are_typed(text: str, units: int | None) -> None:
    assert units_of(text) == units
