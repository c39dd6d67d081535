"""The sandbox is held to the quirks of the systems it plays, over real sockets."""

import asyncio
import csv
import hashlib
import io
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from sandbox.app import UPSTREAMS, WORLD, make_app
from sandbox.outbox import Outbox

Sandbox = TestClient[web.Request, web.Application]
Connect = Callable[[web.Application], Awaitable[Sandbox]]

PHONE = "+992900000001"
WITH_TELEGRAM = "+992900000003"
OSON = {"Authorization": "Bearer sandbox-osonsms-token"}
GATEWAY = {"Authorization": "Bearer sandbox-gateway-token"}


@pytest.fixture
async def sandbox(aiohttp_client: Connect) -> Sandbox:
    return await aiohttp_client(make_app(speed=0))


def sms(txn_id: str = "t1", **changed: str) -> dict[str, str]:
    message = {"from": "Shinos", "phone_number": "992900000001", "msg": "482117 код", "login": "shinos"}
    return {**message, "txn_id": txn_id, **changed}


async def oson(sandbox: Sandbox, txn_id: str = "t1", **changed: str) -> tuple[int, dict[str, Any]]:
    params = sms(txn_id, **changed)
    async with sandbox.get("/osonsms/sendsms_v1.php", params=params, headers=OSON) as answer:
        return answer.status, await answer.json()


async def query(sandbox: Sandbox, msg_id: object) -> dict[str, Any]:
    params = {"login": "shinos", "msg_id": str(msg_id), "txn_id": "q1"}
    return dict(await (await sandbox.get("/osonsms/query_sms.php", params=params, headers=OSON)).json())


async def smsc(sandbox: Sandbox, path: str = "/smsc/sys/send.php", **changed: Any) -> dict[str, Any]:
    order = {"login": "shinos", "psw": "sandbox-smsc-password", "phones": "+77071234567", "mes": "1234 код"}
    form = {**order, "charset": "utf-8", "fmt": "3", **changed}
    async with sandbox.post(path, data=form) as answer:
        assert answer.status == 200
        return dict(await answer.json(content_type="application/json"))


async def gateway(sandbox: Sandbox, method: str, **body: Any) -> dict[str, Any]:
    async with sandbox.post(f"/telegram-gateway/{method}", json=body, headers=GATEWAY) as answer:
        return dict(await answer.json())


async def outbox(sandbox: Sandbox, query: str = "") -> list[dict[str, str]]:
    return list(await (await sandbox.get(f"/sms/outbox{query}")).json())


async def post(sandbox: Sandbox, path: str, **body: Any) -> tuple[int, Any]:
    async with sandbox.post(path, json=body) as answer:
        return answer.status, await answer.json()


class TestCast:
    async def test_people_have_all_their_keys_and_the_shapes_of_their_countries(self, sandbox: Sandbox) -> None:
        people = await (await sandbox.get("/_people")).json()
        by_phone = {person["phone"]: person for person in people}
        assert by_phone["+79221234567"]["crmid"] == "100001"
        tajik = [by_phone[f"+9929000000{number:02}"] for number in range(1, 21)]
        assert all(len(person["tax_number"]) == 9 for person in tajik)
        assert sum(person["tax_number"].startswith("0") for person in tajik) > 1
        assert sum(not person["secret_word"] for person in tajik) == 2
        assert sum(not person["email"] for person in tajik) == 1
        assert len({person["crmid"] for person in people}) == len(people) == 22

    async def test_csv_is_what_the_import_takes(self, sandbox: Sandbox) -> None:
        text = await (await sandbox.get("/_people.csv")).text()
        header = "crmid,phone,email,last_name,first_name,middle_name,birth_date,tax_number,secret_word"
        assert text.splitlines()[0] == header
        assert len(list(csv.DictReader(io.StringIO(text)))) == 22

    async def test_index_page_shows_the_cast_and_asks_nothing_of_other_hosts(self, sandbox: Sandbox) -> None:
        answer = await sandbox.get("/")
        page = await answer.text()
        assert PHONE in page
        assert "ромашка" in page
        assert 'lang="ru"' in page
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "http://127.0.0.1:8080/rest/chat/client/search/a57974242d0146c28056" in page

    async def test_health(self, sandbox: Sandbox) -> None:
        assert await (await sandbox.get("/_health")).json() == {"ok": True}


class TestOutbox:
    async def test_holds_all_gateways_oldest_first_with_e164_phones(self, sandbox: Sandbox) -> None:
        await oson(sandbox)
        await smsc(sandbox)
        await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code="9137")
        messages = await outbox(sandbox)
        assert [one["gateway"] for one in messages] == ["osonsms", "smsc", "telegram_gateway"]
        assert [one["to"] for one in messages] == [PHONE, "+77071234567", WITH_TELEGRAM]
        assert messages[0]["text"] == "482117 код"
        assert messages[2]["text"] == "9137"
        assert sorted(messages[0]) == ["at", "gateway", "text", "to"]

    @pytest.mark.parametrize("spelling", ["+992900000001", "%2B992900000001", "992900000001", "%20992900000001"])
    async def test_a_plus_in_the_query_may_arrive_as_a_space(self, sandbox: Sandbox, spelling: str) -> None:
        await oson(sandbox)
        await oson(sandbox, "t2", phone_number="992900000002")
        assert [one["to"] for one in await outbox(sandbox, f"?to={spelling}")] == [PHONE]

    async def test_unknown_phone_has_none_and_delete_clears(self, sandbox: Sandbox) -> None:
        await oson(sandbox)
        assert await outbox(sandbox, "?to=%2B992900000009") == []
        assert (await sandbox.delete("/sms/outbox")).status == 200
        assert await outbox(sandbox) == []
        assert await outbox(sandbox, "?to=%2B992900000001") == []

    async def test_last_keeps_the_newest_and_refuses_nonsense(self, sandbox: Sandbox) -> None:
        for number in range(3):
            await oson(sandbox, f"t{number}", msg=f"text {number}")
        assert [one["text"] for one in await outbox(sandbox, "?last=2")] == ["text 1", "text 2"]
        assert (await sandbox.get("/sms/outbox?last=-1")).status == 400

    def test_memory_is_bounded_also_by_phone(self) -> None:
        box = Outbox(limit=2)
        for number in "123":
            box.add({"to": f"+{number}", "text": number, "at": "", "gateway": "osonsms"})
        assert [one["text"] for one in box.messages()] == ["2", "3"]
        assert box.messages("+1") == []


class TestOsonSms:
    async def test_success_is_201(self, sandbox: Sandbox) -> None:
        status, body = await oson(sandbox)
        assert status == 201
        assert body["status"] == "ok"
        assert body["txn_id"] == "t1"
        assert body["smsc_msg_parts"] == 1
        assert {"msg_id", "smsc_msg_id", "smsc_msg_status"} < set(body)

    async def test_msg_id_is_now_a_number_and_now_a_string(self, sandbox: Sandbox) -> None:
        answers = [(await oson(sandbox, f"t{number}"))[1]["msg_id"] for number in range(2)]
        assert {type(msg_id) for msg_id in answers} == {int, str}

    async def test_a_repeated_txn_id_is_409_with_code_108_and_sends_nothing(self, sandbox: Sandbox) -> None:
        await oson(sandbox)
        status, body = await oson(sandbox, msg="other")
        assert (status, body["error"]["code"]) == (409, 108)
        assert len(await outbox(sandbox)) == 1

    async def test_parallel_repeats_send_once(self, aiohttp_client: Connect) -> None:
        sandbox = await aiohttp_client(make_app(speed=0.2))
        answers = await asyncio.gather(*(oson(sandbox) for _ in range(8)))
        assert sorted(status for status, _ in answers) == [201] + [409] * 7
        assert len(await outbox(sandbox)) == 1

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"msg": ""}, 100),
            ({"txn_id": ""}, 100),
            ({"login": "other"}, 106),
            ({"from": "Somebody"}, 107),
            ({"phone_number": "79221234567"}, 112),
            ({"phone_number": "99290000000"}, 112),
        ],
    )
    async def test_refusals(self, sandbox: Sandbox, changed: dict[str, str], code: int) -> None:
        status, body = await oson(sandbox, **changed)
        assert 400 <= status < 500
        assert body["error"]["code"] == code
        assert await outbox(sandbox) == []

    async def test_wrong_token_is_106(self, sandbox: Sandbox) -> None:
        answer = await sandbox.get("/osonsms/sendsms_v1.php", params=sms(), headers={"Authorization": "Bearer x"})
        assert answer.status == 401
        assert (await answer.json())["error"]["code"] == 106

    async def test_the_old_hash_is_taken_without_a_token(self, sandbox: Sandbox) -> None:
        hashed = hashlib.sha256(b"t1;shinos;Shinos;992900000001;sandbox-osonsms-token").hexdigest()
        right = await sandbox.get("/osonsms/sendsms_v1.php", params={**sms(), "str_hash": hashed})
        wrong = await sandbox.get("/osonsms/sendsms_v1.php", params={**sms("t2"), "str_hash": hashed})
        assert (right.status, wrong.status) == (201, 401)

    @pytest.mark.parametrize("spelling", ["927777777", "+992927777777", "992927777777"])
    async def test_spellings_of_a_number(self, sandbox: Sandbox, spelling: str) -> None:
        assert (await oson(sandbox, phone_number=spelling))[0] == 201
        assert [one["to"] for one in await outbox(sandbox)] == ["+992927777777"]

    @pytest.mark.parametrize("code", [105, 107, 109, 112, 113, 114, 119])
    async def test_an_armed_error_strikes_once(self, sandbox: Sandbox, code: int) -> None:
        await post(sandbox, "/_arm", upstream="osonsms", outcome=code, **{"for": "992 90 000 0001"})
        status, body = await oson(sandbox)
        assert 400 <= status < 500
        assert body["error"]["code"] == code
        assert (await oson(sandbox))[0] == 201

    async def test_accepted_then_timeout_is_a_duplicate_when_repeated(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_arm", upstream="osonsms", outcome="accept-timeout", **{"for": PHONE})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(oson(sandbox), 0.3)
        assert (await oson(sandbox))[0] == 409
        assert len(await outbox(sandbox)) == 1

    async def test_states_and_their_two_field_names(self, sandbox: Sandbox) -> None:
        msg_id = (await oson(sandbox))[1]["msg_id"]
        states = [(await query(sandbox, msg_id))["message_state"] for _ in range(3)]
        assert states == ["ENROUTE", "DELIVERED", "DELIVERED"]
        await post(sandbox, "/_arm", upstream="osonsms", outcome="status-field", **{"for": PHONE})
        msg_id = (await oson(sandbox, "t2"))[1]["msg_id"]
        assert (await query(sandbox, msg_id))["status"] == "ENROUTE"
        assert (await query(sandbox, 1))["message_state"] == "UNKNOWN"

    @pytest.mark.parametrize(
        ("phone", "last"),
        [
            ("992900990901", "DELIVERED"),
            ("992900990902", "UNDELIVERABLE"),
            ("992900990903", "ENROUTE"),
            ("992900990904", "ENROUTE"),
        ],
    )
    async def test_magic_numbers_need_no_arming(self, sandbox: Sandbox, phone: str, last: str) -> None:
        msg_id = (await oson(sandbox, phone_number=phone))[1]["msg_id"]
        states = [(await query(sandbox, msg_id))["message_state"] for _ in range(3)]
        assert states[-1] == last

    async def test_balance_and_an_empty_account(self, sandbox: Sandbox) -> None:
        params = {"login": "shinos", "txn_id": "b1"}
        full = await (await sandbox.get("/osonsms/check_balance.php", params=params, headers=OSON)).json()
        await post(sandbox, "/_arm", upstream="osonsms", outcome="119", **{"for": "shinos"})
        empty = await (await sandbox.get("/osonsms/check_balance.php", params=params, headers=OSON)).json()
        assert (full["balance"], empty["balance"]) == ("1000.00", "0.00")


class TestSmsc:
    async def test_success_by_form_query_and_json(self, sandbox: Sandbox) -> None:
        order = {"apikey": "sandbox-smsc-apikey", "phones": "87071234567", "charset": "utf-8", "fmt": "3"}
        await smsc(sandbox)
        by_query = await (await sandbox.get("/smsc/sys/send.php", params={**order, "mes": "2"})).json()
        by_json = await (await sandbox.post("/smsc/rest/send/", json={**order, "mes": "три"})).json()
        assert set(by_query) == set(by_json) == {"id", "cnt"}
        assert [one["text"] for one in await outbox(sandbox, "?to=77071234567")] == ["1234 код", "2", "три"]

    async def test_the_same_text_to_the_same_number_within_a_minute_is_error_9(self, sandbox: Sandbox) -> None:
        world = sandbox.app[WORLD]
        await smsc(sandbox)
        assert (await smsc(sandbox))["error_code"] == 9
        assert "id" in await smsc(sandbox, mes="4321 код")
        world.clock = lambda: time.time() + 61
        assert "id" in await smsc(sandbox)
        assert len(await outbox(sandbox)) == 3

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"mes": ""}, 1),
            ({"id": "x"}, 1),
            ({"psw": "x"}, 2),
            ({"phones": "+12"}, 7),
            ({"phones": "+77071234567,abc"}, 7),
        ],
    )
    async def test_errors_come_with_200(self, sandbox: Sandbox, changed: dict[str, str], code: int) -> None:
        assert (await smsc(sandbox, **changed))["error_code"] == code
        assert await outbox(sandbox) == []

    @pytest.mark.parametrize("code", range(1, 10))
    async def test_armed_errors(self, sandbox: Sandbox, code: int) -> None:
        await post(sandbox, "/_arm", upstream="smsc", outcome=str(code), **{"for": "+77071234567"})
        answer = await smsc(sandbox, id="77")
        assert answer["error_code"] == code
        assert answer.get("id") == (77 if code in (3, 6, 7, 8) else None)
        assert "id" in await smsc(sandbox)

    async def test_without_fmt_3_the_answer_is_plain_text(self, sandbox: Sandbox) -> None:
        order = {"apikey": "sandbox-smsc-apikey", "phones": "+77071234567", "mes": "1", "id": "5"}
        sent = await sandbox.post("/smsc/sys/send.php", data=order)
        again = await sandbox.post("/smsc/sys/send.php", data={**order, "fmt": "1"})
        assert await sent.text() == "OK - 1 SMS, ID - 5"
        assert await again.text() == "0,-9"

    async def test_a_text_without_charset_arrives_broken(self, sandbox: Sandbox) -> None:
        await smsc(sandbox, charset="")
        assert [one["text"] for one in await outbox(sandbox)] == ["1234 РєРѕРґ"]

    async def test_own_id_and_status_by_phone_and_id(self, sandbox: Sandbox) -> None:
        assert (await smsc(sandbox, id="77"))["id"] == 77
        wanted = {"phone": "77071234567", "id": "77"}
        found = [(await smsc(sandbox, "/smsc/sys/status.php", **wanted))["status"] for _ in range(3)]
        lost = await smsc(sandbox, "/smsc/sys/status.php", phone="77071234567", id="78")
        assert found == [0, 1, 1]
        assert lost["status"] == -3

    async def test_accepted_then_timeout_is_error_9_when_repeated(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="smsc", kind="accept-timeout", times=1, delay=0.2)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await smsc(sandbox)
        assert (await smsc(sandbox))["error_code"] == 9
        assert len(await outbox(sandbox)) == 1

    async def test_the_reserve_host_shares_the_account_and_not_the_faults(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="smsc", kind="reset")
        with pytest.raises(aiohttp.ClientError):
            await smsc(sandbox)
        assert "id" in await smsc(sandbox, "/smsc-reserve/sys/send.php")
        assert (await smsc(sandbox, "/smsc-reserve/sys/send.php"))["error_code"] == 9

    async def test_cost_1_sends_nothing(self, sandbox: Sandbox) -> None:
        assert await smsc(sandbox, cost="1") == {"cost": "12.50", "cnt": 1}
        assert await outbox(sandbox) == []


class TestTelegramGateway:
    async def test_reachable_by_the_cast_or_armed(self, sandbox: Sandbox) -> None:
        assert (await gateway(sandbox, "checkSendAbility", phone_number=WITH_TELEGRAM))["ok"] is True
        refused = await gateway(sandbox, "checkSendAbility", phone_number=PHONE)
        assert refused == {"ok": False, "error": "PHONE_NUMBER_NOT_AVAILABLE"}
        await post(sandbox, "/_arm", upstream="telegram_gateway", outcome="reachable", **{"for": PHONE})
        assert (await gateway(sandbox, "checkSendAbility", phone_number=PHONE))["ok"] is True

    async def test_method_names_in_any_case_and_the_token_as_a_parameter(self, sandbox: Sandbox) -> None:
        path = "/telegram-gateway/CHECKsendability"
        params = {"phone_number": WITH_TELEGRAM, "access_token": "sandbox-gateway-token"}
        assert (await (await sandbox.get(path, params=params)).json())["ok"] is True
        params["access_token"] = "x"
        assert (await (await sandbox.get(path, params=params)).json())["error"] == "ACCESS_TOKEN_INVALID"
        assert (await gateway(sandbox, "sendSms"))["error"] == "UNKNOWN_METHOD"

    async def test_a_second_send_with_the_same_request_id_is_refused(self, sandbox: Sandbox) -> None:
        checked = await gateway(sandbox, "checkSendAbility", phone_number=WITH_TELEGRAM)
        order = {"phone_number": WITH_TELEGRAM, "request_id": checked["result"]["request_id"], "code": "48211"}
        first = await gateway(sandbox, "sendVerificationMessage", **order)
        second = await gateway(sandbox, "sendVerificationMessage", **order)
        assert first["result"]["delivery_status"]["status"] == "sent"
        assert first["result"]["remaining_balance"] == checked["result"]["remaining_balance"]
        assert second == {"ok": False, "error": "MESSAGE_ALREADY_SENT"}
        assert [one["text"] for one in await outbox(sandbox)] == ["48211"]

    async def test_generated_code_and_the_path_to_read(self, sandbox: Sandbox) -> None:
        sent = await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code_length=6)
        code = (await outbox(sandbox))[0]["text"]
        wanted = {"request_id": sent["result"]["request_id"], "code": code}
        answers = [await gateway(sandbox, "checkVerificationStatus", **wanted) for _ in range(2)]
        assert len(code) == 6
        assert [one["result"]["delivery_status"]["status"] for one in answers] == ["delivered", "read"]
        assert answers[0]["result"]["verification_status"]["status"] == "code_valid"

    async def test_wrong_codes_use_up_the_attempts(self, sandbox: Sandbox) -> None:
        sent = await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code="48211")
        wanted = {"request_id": sent["result"]["request_id"], "code": "00000"}
        answers = [await gateway(sandbox, "checkVerificationStatus", **wanted) for _ in range(4)]
        verdicts = [one["result"]["verification_status"]["status"] for one in answers]
        assert verdicts == ["code_invalid"] * 3 + ["code_max_attempts_exceeded"]

    async def test_an_undelivered_message_expires_and_is_refunded(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_arm", upstream="telegram_gateway", outcome="undelivered", **{"for": WITH_TELEGRAM})
        sent = await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code="48211")
        wanted = sent["result"]["request_id"]
        late = await gateway(sandbox, "checkVerificationStatus", request_id=wanted)
        assert late["result"]["delivery_status"]["status"] == "expired"
        assert late["result"]["is_refunded"] is True

    @pytest.mark.parametrize(
        ("changed", "error"),
        [
            ({"phone_number": "12"}, "PHONE_NUMBER_INVALID"),
            ({"code": "12"}, "CODE_INVALID"),
            ({"code": ""}, "CODE_LENGTH_REQUIRED"),
            ({"ttl": 10}, "TTL_INVALID"),
            ({"request_id": "7"}, "REQUEST_ID_INVALID"),
            ({"callback_url": "http://x"}, "CALLBACK_URL_INVALID"),
        ],
    )
    async def test_refusals(self, sandbox: Sandbox, changed: dict[str, Any], error: str) -> None:
        order = {"phone_number": WITH_TELEGRAM, "code": "48211", **changed}
        assert await gateway(sandbox, "sendVerificationMessage", **order) == {"ok": False, "error": error}


class TestFaults:
    async def test_timeout_accepts_nothing_and_holds_until_its_delay(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="timeout", times=1, delay=0.3)
        began = time.monotonic()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await oson(sandbox)
        assert time.monotonic() - began >= 0.3
        assert (await oson(sandbox))[0] == 201

    async def test_accept_timeout_accepts_first(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="accept-timeout", times=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(oson(sandbox), 0.3)
        assert (await oson(sandbox))[0] == 409
        assert len(await outbox(sandbox)) == 1

    async def test_reset_breaks_the_connection(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="reset", times=2)
        for _ in range(2):
            with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
                await oson(sandbox)
        assert (await oson(sandbox))[0] == 201
        assert len(await outbox(sandbox)) == 1

    async def test_500_is_html_and_garbage_is_no_json(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="500", times=1)
        await post(sandbox, "/_faults", upstream="osonsms", kind="garbage", times=1)
        error = await sandbox.get("/osonsms/sendsms_v1.php", params=sms(), headers=OSON)
        garbage = await sandbox.get("/osonsms/sendsms_v1.php", params=sms(), headers=OSON)
        assert (error.status, error.content_type) == (500, "text/html")
        assert garbage.status == 200
        with pytest.raises(ValueError):
            json.loads(await garbage.read())
        assert await outbox(sandbox) == []

    async def test_slow_answers_properly_but_late(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="slow", times=1, delay=0.2)
        began = time.monotonic()
        assert (await oson(sandbox))[0] == 201
        assert time.monotonic() - began >= 0.2

    async def test_a_fault_without_times_lasts_until_cleared_and_strikes_only_its_upstream(
        self, sandbox: Sandbox
    ) -> None:
        await post(sandbox, "/_faults", upstream="telegram-gateway", kind="500")
        for _ in range(3):
            assert (await sandbox.get("/telegram-gateway/checkSendAbility")).status == 500
        assert (await oson(sandbox))[0] == 201
        listed = await (await sandbox.get("/_faults")).json()
        assert listed == [{"upstream": "telegram_gateway", "kind": "500", "times": None, "delay": 0.0}]
        await sandbox.delete("/_faults")
        assert (await sandbox.get("/telegram-gateway/checkSendAbility")).status == 200

    async def test_stopping_waits_for_no_hanging_call(self, aiohttp_client: Connect) -> None:
        sandbox = await aiohttp_client(make_app(speed=0))
        await post(sandbox, "/_faults", upstream="osonsms", kind="timeout")
        hanging = asyncio.ensure_future(oson(sandbox))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        await sandbox.server.close()
        assert time.monotonic() - began < 5
        with pytest.raises(aiohttp.ClientError):
            await hanging

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"upstream": "nobody", "kind": "reset"}, "osonsms"),
            ({"upstream": "smsc", "kind": "fire"}, "kind"),
            ({"upstream": "smsc", "kind": "reset", "times": 0}, "times"),
            ({"upstream": "smsc", "kind": "reset", "times": "2"}, "times"),
            ({"upstream": "smsc", "kind": "slow", "delay": -1}, "delay"),
            ({"upstream": "smsc", "kind": "slow", "dealy": 1}, "dealy"),
            ({"kind": "slow"}, "upstream"),
        ],
    )
    async def test_a_bad_order_is_400_and_says_what(self, sandbox: Sandbox, body: dict[str, Any], named: str) -> None:
        status, answer = await post(sandbox, "/_faults", **body)
        assert status == 400
        assert named in answer["error"]

    async def test_broken_json_is_400(self, sandbox: Sandbox) -> None:
        answer = await sandbox.post("/_faults", data=b"{")
        assert answer.status == 400
        assert "body" in (await answer.json())["error"]


class TestScenarios:
    async def test_every_listed_outcome_can_be_armed(self, sandbox: Sandbox) -> None:
        listed = await (await sandbox.get("/_scenarios")).json()
        assert set(listed) == {upstream.name for upstream in UPSTREAMS}
        for upstream, outcomes in listed.items():
            for one in outcomes:
                assert one["what"]
                order = {"upstream": upstream, "for": PHONE, "outcome": one["name"]}
                assert (await post(sandbox, "/_arm", **order))[0] == 200

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"upstream": "osonsms", "for": PHONE, "outcome": "fire"}, "accept-timeout"),
            ({"upstream": "nobody", "for": PHONE, "outcome": "119"}, "osonsms"),
            ({"upstream": "osonsms", "for": "", "outcome": "119"}, "for"),
            ({"upstream": "osonsms", "outcome": "119"}, "for"),
        ],
    )
    async def test_a_bad_order_is_400_and_says_what(self, sandbox: Sandbox, body: dict[str, Any], named: str) -> None:
        status, answer = await post(sandbox, "/_arm", **body)
        assert status == 400
        assert named in answer["error"]

    async def test_outcomes_of_one_phone_come_in_their_order(self, sandbox: Sandbox) -> None:
        for outcome in ("113", "119"):
            await post(sandbox, "/_arm", upstream="osonsms", outcome=outcome, **{"for": PHONE})
        assert (await oson(sandbox, phone_number="992900000002"))[0] == 201
        codes = [(await oson(sandbox, "t2"))[1]["error"]["code"] for _ in range(2)]
        assert codes == [113, 119]


class TestCalls:
    async def test_hold_fields_but_no_text_password_token_or_code(self, sandbox: Sandbox) -> None:
        await oson(sandbox)
        await smsc(sandbox, mes="тайна 1234")
        await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code="48211")
        calls = await (await sandbox.get("/_calls")).json()
        assert [call["upstream"] for call in calls] == ["osonsms", "smsc", "telegram_gateway"]
        assert calls[0]["path"] == "/osonsms/sendsms_v1.php"
        assert calls[0]["fields"]["msg"] == {"length": len("482117 код")}
        assert calls[0]["fields"]["txn_id"] == "t1"
        written = json.dumps(calls, ensure_ascii=False)
        for secret in ("482117", "тайна", "48211", "sandbox-", "psw"):
            assert secret not in written

    async def test_one_upstream_and_clearing(self, sandbox: Sandbox) -> None:
        await oson(sandbox)
        await smsc(sandbox)
        only = await (await sandbox.get("/_calls?upstream=smsc")).json()
        assert [call["method"] for call in only] == ["POST"]
        assert (await sandbox.get("/_calls?upstream=nobody")).status == 400
        await sandbox.delete("/_calls")
        assert await (await sandbox.get("/_calls")).json() == []

    async def test_a_struck_call_is_noted_too(self, sandbox: Sandbox) -> None:
        await post(sandbox, "/_faults", upstream="osonsms", kind="500")
        await sandbox.get("/osonsms/sendsms_v1.php", params=sms(), headers=OSON)
        assert len(await (await sandbox.get("/_calls?upstream=osonsms")).json()) == 1

    async def test_files_are_told_by_size_and_digest(self, sandbox: Sandbox) -> None:
        form = aiohttp.FormData({"name": "x"})
        form.add_field("photo", b"face", filename="face.jpg")
        await sandbox.post("/smsc/sys/send.php", data=form)
        call = (await (await sandbox.get("/_calls")).json())[0]
        digest = hashlib.sha256(b"face").hexdigest()
        assert call["files"] == [{"name": "photo", "size": 4, "sha256": digest}]

    @pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain; charset=none"])
    async def test_a_broken_body_is_a_call_without_fields(self, sandbox: Sandbox, kind: str) -> None:
        headers = {"Content-Type": kind, **GATEWAY}
        answer = await sandbox.post("/telegram-gateway/checkSendAbility", data=b"\xff{", headers=headers)
        assert (await answer.json())["error"] == "PHONE_NUMBER_INVALID"


async def dialogue(sandbox: Sandbox) -> list[Any]:
    """Calls whose answers hold no time of day."""
    answers: list[Any] = [await oson(sandbox, f"t{number}") for number in range(3)]
    answers.append(await smsc(sandbox))
    await gateway(sandbox, "sendVerificationMessage", phone_number=WITH_TELEGRAM, code_length=8)
    answers.append([one["text"] for one in await outbox(sandbox)])
    return answers


async def test_the_same_seed_and_calls_give_the_same_answers(aiohttp_client: Connect) -> None:
    first = await dialogue(await aiohttp_client(make_app(speed=0, seed=7)))
    same = await dialogue(await aiohttp_client(make_app(speed=0, seed=7)))
    other = await dialogue(await aiohttp_client(make_app(speed=0, seed=8)))
    assert first == same != other


async def test_delays_are_realistic_and_scaled(aiohttp_client: Connect) -> None:
    sandbox = await aiohttp_client(make_app(speed=1))
    began = time.monotonic()
    await oson(sandbox)
    assert 0.08 <= time.monotonic() - began < 2
