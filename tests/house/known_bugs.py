"""The bugs of security.md §9.2, each a real one of somebody's: what puts it into this tree, and a test that sees it."""

from dataclasses import dataclass

TAKE, MOVE, HEAR = "flows/lua/take.lua", "flows/lua/move.lua", "flows/lua/hear.lua"
RACES, HIDDEN = "tests/contract/test_races.py::", "tests/contract/test_hidden.py::"
PROOF = "tests/property/test_proving.py::test_the_shipped_flows_hold_and_that_is_known_within_ten_seconds"
ALIKE, HOOK = "tests/unit/test_once_and_alike.py::", "tests/journeys/test_chat_webhook.py::"

_COUNTED = "redis.call('HSET', s, 'tries', tries, 'answered', '1')"
_JUDGED = "if todo.verdict == 'wrong' then"
_WATERMARK = """local number = tonumber(string.match(ARGV[2], '[0-9]+$'))
if number <= tonumber(redis.call('GET', p .. 'highest:' .. chat) or 0) then return 'known' end
redis.call('SET', p .. 'highest:' .. chat, number, 'PX', 86400000)"""

_ONCE = "if not redis.call('SET', p .. 'update:' .. ARGV[2], '1', 'NX', 'PX', 86400000) then return 'known' end"
_RESENT = """            return (yield from self._send(state, facts))
        if state.undelivered"""
_SLIDING = f"""            state = state.model_copy(update={{"expires": now + self.options.lifetime}})
{_RESENT}"""
_PERMITTED = "        layer = await self._store.permit(job.id, phone, prefix, job.guard)\n"
_OPEN = f"""        try:
    {_PERMITTED}        except Exception:
            layer = "ok"
"""
_SENT = """async def _sent(move: Move) -> None:
    await __import__("asyncio").sleep(2 * len(move.post))


class Identification:"""
_HEARS = "        verdict = await attendance.store.hear("
_CLAIMED = f"""        known: set[int] = self.__dict__.setdefault("known", set())
        if number in known:
            return
        known.add(number)
{_HEARS}"""


@dataclass(frozen=True, slots=True)
class Bug:
    """`number` of §9.2; `patches` are (file, piece, what it becomes); `seen_by` a test of pytest's."""

    number: int
    name: str
    seen_by: str
    patches: tuple[tuple[str, str, str], ...]


BUGS = (
    Bug(
        1,
        "a limiter that reads, compares and writes",
        f"{RACES}test_parallel_guesses_are_counted_before_they_are_compared",
        (
            (TAKE, _COUNTED, "redis.call('HSET', s, 'answered', '1')"),
            (
                MOVE,
                _JUDGED,
                f"{_JUDGED}\n    redis.call('HSET', s, 'tries', (redis.call('HGET', s, 'tries') or '') .. attempt)",
            ),
        ),
    ),
    Bug(
        2,
        "compared first, counted after",
        f"{RACES}test_parallel_guesses_are_counted_before_they_are_compared",
        ((TAKE, "if count >= limit then return {'spent', now} end", ""), (TAKE, "    tries = tries .. attempt\n", "")),
    ),
    Bug(
        3,
        "a counter per code, renewed when it is sent again",
        f"{RACES}test_a_code_that_is_sent_again_brings_no_more_tries",
        (
            (
                MOVE,
                "  if todo.prev then\n",
                "  if todo.send then redis.call('HSET', s, 'tries', '', 'judged', '') end\n  if todo.prev then\n",
            ),
        ),
    ),
    Bug(
        4,
        "a counter per spelling",
        f"{HIDDEN}test_wrong_answers_count_against_the_client_under_all_names",
        (
            (
                "flows/service.py",
                "        if call.found:\n            return self._keys",
                "        if not call.names:\n            return self._keys",
            ),
        ),
    ),
    Bug(
        5,
        "used up without a guard",
        f"{RACES}test_parallel_right_codes_pass_once",
        ((MOVE, "if tonumber(redis.call('HGET', s, 'rev') or -1) ~= todo.rev then return {'lost', now} end", ""),),
    ),
    Bug(
        6,
        "a life that slides",
        PROOF,
        (("flows/steps/code.py", _RESENT, _SLIDING),),
    ),
    Bug(
        7,
        "the lock is looked at when a dialogue begins, and not after",
        f"{RACES}test_a_lock_shuts_the_dialogues_that_were_begun_before_it",
        (
            (
                TAKE,
                "if not string.find(tries, attempt, 1, true) then\n  local left = locked(guard, subject, h[17])",
                "if not string.find(tries, attempt, 1, true) then\n  local left = 0",
            ),
        ),
    ),
    Bug(
        8,
        "the lock has a message of its own",
        f"{ALIKE}test_a_strict_channel_has_one_refusal",
        (("search_api/answers.py", '"1004", "1005"}', '"1004"}'),),
    ),
    Bug(
        9,
        "a step is not bound to its client",
        f"{RACES}test_foreign_client_costs_an_attempt_and_moves_nothing",
        ((TAKE, "(h[3] ~= channel or not named(h[4]))", "(h[3] ~= channel)"),),
    ),
    Bug(
        10,
        "a step is not bound to its channel",
        f"{RACES}test_another_channel_cannot_answer",
        ((TAKE, "(h[3] ~= channel or not named(h[4]))", "(not named(h[4]))"),),
    ),
    Bug(
        11,
        "one mark, that a code was right, for every stage",
        PROOF,
        (("flows/steps/secret_word.py", "        if not right:", "        if not right and not facts.proofs:"),),
    ),
    Bug(
        12,
        "who is unknown is answered early",
        PROOF,
        (("flows/steps/client.py", "if facts.reveal_unknown else Pass(_decoy(facts))", ""),),
    ),
    Bug(
        13,
        "the code is sent while the caller waits",
        "tests/journeys/test_drill_dead.py::test_a_begin_does_not_wait_for_dead_gateways",
        (
            (
                "flows/service.py",
                "        self.posted.told(move)\n",
                "        self.posted.told(move)\n        await _sent(move)\n",
            ),
            ("flows/service.py", "class Identification:", _SENT),
        ),
    ),
    Bug(
        14,
        "secrets are compared with ==",
        f"{ALIKE}test_a_code_is_compared_whole_however_early_it_differs",
        (
            (
                "flows/keys.py",
                'hmac.compare_digest(self.code(sid, step, digits).encode(), text.encode("utf-8", "replace"))',
                "self.code(sid, step, digits) == text",
            ),
        ),
    ),
    Bug(
        15,
        "codes that never begin with a nought",
        "tests/unit/test_keys.py::test_every_digit_of_a_code_is_as_likely_as_any",
        (
            (
                "flows/keys.py",
                "str(number % 10**digits).zfill(digits)",
                "str(number % (9 * 10 ** (digits - 1)) + 10 ** (digits - 1))",
            ),
        ),
    ),
    Bug(
        16,
        "a counter, and its end in a call of its own",
        "tests/contract/test_lifetimes.py::test_nothing_that_is_counted_stays_for_ever",
        ((TAKE, "      redis.call('PEXPIRE', key, 86400000)\n", ""),),
    ),
    Bug(
        17,
        "the limiter lets everybody through while Redis is away",
        "tests/contract/test_lifetimes.py::test_no_code_is_sent_that_could_not_be_counted",
        (("flows/sending.py", _PERMITTED, _OPEN),),
    ),
    Bug(
        18,
        "told before, if there was a higher number",
        "tests/journeys/test_chat_updates.py::test_updates_in_the_wrong_order_are_both_answered",
        ((HEAR, _ONCE, _WATERMARK),),
    ),
    Bug(
        19,
        "taken for known, though it was not stored",
        f"{HOOK}test_what_was_not_stored_is_not_known_when_telegram_brings_it_again",
        (("bot/intake.py", _HEARS, _CLAIMED),),
    ),
    Bug(
        20,
        "acknowledged before it is stored",
        f"{HOOK}test_while_redis_is_away_nothing_is_acknowledged_and_then_it_comes_once",
        (
            (
                "bot/intake.py",
                "            await intake.store(update)\n",
                "            asyncio.get_running_loop().create_task(intake.store(update))\n",
            ),
        ),
    ),
    Bug(
        21,
        "anybody's contact",
        "tests/unit/test_bot_heard.py",
        (("bot/talk.py", "message.from_user is not None and message.contact.user_id == message.from_user.id", "True"),),
    ),
    Bug(
        22,
        "the Mini App's data may be of any age",
        "tests/unit/test_init_data.py::test_not_too_old_and_not_from_tomorrow",
        (("flows/init_data.py", "if not -FUTURE <= now - _auth_date(fields) <= max_age:", "if False:"),),
    ),
    Bug(
        23,
        "looked up once to be checked, and once to be called",
        f"{ALIKE}test_a_name_that_moves_inside_is_called_where_it_was_looked_at",
        (
            (
                "flows/upstream/resolving.py",
                "        return found\n",
                "        return await super().resolve(host, port, family)\n",
            ),
        ),
    ),
    Bug(
        24,
        "the audit log is verified without its end",
        "tests/contract/test_audit.py",
        (("flows/records/audit.py", "    if last.seq < published.seq:\n", "    if False:\n"),),
    ),
)
