"""The floor to measure against: aiohttp parses the form and makes one Redis script call through redis-py's pool."""

import asyncio
import sys

import uvloop
from aiohttp import web
from redis.asyncio import BlockingConnectionPool, Redis

SCRIPT = """
local n = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], 900000)
return {n, ARGV[1]}
"""


async def main(redis_url: str) -> None:
    redis = Redis(connection_pool=BlockingConnectionPool.from_url(redis_url, max_connections=100, protocol=2))
    sha = await redis.script_load(SCRIPT)

    async def call(request: web.Request) -> web.Response:
        form = await request.post()
        count, _ = await redis.evalsha(sha, 1, "floor:" + str(form["client"]), str(form.get("secretWord", "")))
        return web.json_response({"answerType": 1, "answerText": "…", "stepId": str(count)})

    app = web.Application()
    app.router.add_post("/rest/chat/client/search/{key}", call)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"ready http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(main(sys.argv[1]))
