"""Where Redis is, in every form of its address; what none is, is refused at start without repeating the password."""

from pathlib import Path

import pytest

from flows.redis_url import RedisPlace, place_of
from flows.safety import unsafe
from flows.settings import SettingsError, load

SECRET = "p@ss/word"
SHIPPED = Path(__file__).parents[2] / "config.toml"

FORMS = {
    "": RedisPlace("one"),
    "unix:///run/redis.sock": RedisPlace("one"),
    "redis://:p%40ss%2Fword@cache.bank.example/2": RedisPlace(
        "one", (("cache.bank.example", 6379),), password=SECRET, database=2
    ),
    "rediss://shinos:p%40ss%2Fword@10.0.0.1:6380": RedisPlace(
        "one", (("10.0.0.1", 6380),), tls=True, username="shinos", password=SECRET
    ),
    "redis+sentinel://:p%40ss%2Fword@a:1,b/mymaster": RedisPlace(
        "sentinel", (("a", 1), ("b", 26379)), password=SECRET, master="mymaster"
    ),
    "rediss+sentinel://u:p%40ss%2Fword@[::1]:26380/main/3?sentinel_password=own": RedisPlace(
        "sentinel",
        (("::1", 26380),),
        tls=True,
        username="u",
        password=SECRET,
        master="main",
        database=3,
        sentinel_password="own",
    ),
    "redis+cluster://:p%40ss%2Fword@a:7000,b:7001,c": RedisPlace(
        "cluster", (("a", 7000), ("b", 7001), ("c", 6379)), password=SECRET
    ),
}


@pytest.mark.parametrize("url", FORMS)
def test_each_form_is_read(url: str) -> None:
    assert place_of(url) == FORMS[url]
    assert SECRET not in repr(place_of(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://:hidden@a",
        "redis",
        "redis://",
        "redis://:hidden@a:70000",
        "redis://:hidden@a/x",
        "redis://:hidden@a/1/2",
        "redis+sentinel://:hidden@a:26379",
        "redis+sentinel://:hidden@a,/mymaster",
        "redis+cluster://:hidden@a/0",
        "redis+other://:hidden@a",
    ],
)
def test_what_is_none_is_refused_by_its_key(url: str) -> None:
    with pytest.raises(SettingsError, match=r"redis\.url: .*expected") as refused:
        load(SHIPPED, {"SHINOS_REDIS__URL": url})
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("kind", ["sentinel", "cluster"])
def test_production_wants_a_password_and_a_replica_that_knows(kind: str) -> None:
    def lines(url: str, replicas: str) -> list[str]:
        settings = load(SHIPPED, {"SHINOS_REDIS__URL": url, "SHINOS_REDIS__REPLICAS": replicas})
        return [line for line in unsafe(settings) if line.startswith("redis.")]

    path = "/mymaster" if kind == "sentinel" else ""
    assert lines(f"redis+{kind}://:secret@a,b{path}", "1") == []
    assert len(lines(f"redis+{kind}://:secret@a,b{path}", "0")) == 1
    assert len(lines(f"redis+{kind}://a,b{path}", "0")) == 2
