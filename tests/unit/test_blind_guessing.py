"""What blind guessing hits in a day and channel, from the configuration as shipped, and at the worst it may be (G7)."""

from pathlib import Path

import pytest
from figures import Record
from pydantic import ValidationError

from flows.settings import Limits, Settings, load
from flows.steps.code import CodeOptions

SHIPPED = Path(__file__).parents[2] / "config.toml"
MOST = 1e-3


def digits(settings: Settings, flow: str) -> list[int]:
    """Of the codes that the flow asks for."""
    tables = [{"kind": step} if isinstance(step, str) else step for step in settings.flow[flow].steps]
    return [int(table.get("digits", CodeOptions().digits)) for table in tables if table["kind"] == "code"]


def hits(settings: Settings) -> dict[str, float]:
    """Expected a day: each wrong answer that a channel compares is one draw of the shortest code."""
    codes = {name: digits(settings, channel.flow) for name, channel in settings.channel.items()}
    return {name: settings.limits.channel_wrong_day * 10.0 ** -min(each) for name, each in codes.items() if each}


@pytest.mark.proof
def test_blind_guesses_hit_less_than_once_in_three_years(figure: Record) -> None:
    settings = load(SHIPPED, {})
    found = hits(settings)
    assert found
    most = max(found.values())
    method = f"config.toml: {settings.limits.channel_wrong_day} wrong answers a day and channel, by the shortest code"
    figure("G7", value=f"{most:g} hits a day and channel", met=most <= MOST, method=method)
    assert most <= MOST


@pytest.mark.parametrize("looser", ["more guesses", "fewer digits"])
def test_no_configuration_may_be_looser(looser: str) -> None:
    """The hard ranges end where the goal ends."""
    with pytest.raises(ValidationError):
        Limits(channel_wrong_day=1001) if looser == "more guesses" else CodeOptions(digits=5)
    assert Limits(channel_wrong_day=1000).channel_wrong_day * 10.0 ** -CodeOptions(digits=6).digits <= MOST


def test_shorter_codes_and_more_guesses_show_in_the_figure(folder: Path) -> None:
    config = folder / "config.toml"
    text = SHIPPED.read_text(encoding="utf-8").replace('"client", "code"', '"client", {kind = "code", digits = 8}')
    config.write_text(text, encoding="utf-8")
    assert hits(load(config, {"SHINOS_LIMITS__CHANNEL_WRONG_DAY": "500"})) == {"support": pytest.approx(5e-6)}
