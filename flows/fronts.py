"""From the settings to what each front goes through: the channels with their flows, the chat with its own, checked."""

from collections.abc import Iterable

from flows.model import Plan
from flows.performing import Front
from flows.plan import PlanError, check_proof, make_plan, suggest, with_ways
from flows.settings import Channel, Settings, SettingsError
from flows.steps.aitu import Aitu
from flows.steps.person import Person
from flows.upstream.codes import CodeGateways

FRONT = "telegram"
"""The name that the chat's dialogues, audit entries and limits go by."""
WAYS = "which way"
"""The flow in which the chat asks whose flow is the right one; no stanza can be called so by chance."""
_NEEDS = {
    "link": "humo",
    "document": "humo",
    "selfie": "humo",
    "liveness": "biometric",
    "aitu": "aitu",
    "person": "coid",
}
"""Steps that a whole upstream belongs to."""


def plans(settings: Settings) -> dict[str, Front]:
    """The configured channels with their checked flows. Raises `SettingsError`."""
    made = {name: _plan(settings, name) for name in settings.flow}
    for name, channel in settings.channel.items():
        _check_liveness(name, made[channel.flow])
        visiting = next((step.name for step in made[channel.flow].steps if step.visits), None)
        if visiting:
            raise SettingsError(f"channel.{name}.flow: step {visiting} of {channel.flow} belongs to a chat")
    return {name: Front(name, channel, made[channel.flow]) for name, channel in settings.channel.items()}


def chat_front(settings: Settings) -> Front:
    """The bot's flow, or of several the question which one and all of them; checked. Raises `SettingsError`."""
    flows = settings.bot.flows
    for name in flows:
        if name not in settings.flow:
            raise SettingsError(f'bot.flows: there is no flow "{name}"{suggest(name, settings.flow)}')
    ways = [_plan(settings, name) for name in flows]
    _check_fallbacks(ways)
    rules = Channel(flow=flows[0], key_env="", language=settings.bot.language, strict=False, reveal_unknown=True)
    if len(ways) == 1:
        return Front(FRONT, rules, ways[0])
    whose = {name: settings.flow[name].citizens for name in flows}
    twice = next((of for of in whose.values() if list(whose.values()).count(of) > 1), None)
    if twice:
        raise SettingsError(f"bot.flows: two of them are for the same citizens ({twice}); set flow.<name>.citizens")
    linked = next((way.name for way in ways if any(step.kind == "link" for step in way.steps)), "")
    asking = {"kind": "citizenship", "ways": whose, "linked": linked}
    return Front(FRONT, rules, with_ways(WAYS, [asking], ways))


def _plan(settings: Settings, name: str) -> Plan:
    try:
        plan = make_plan(name, settings.flow[name].steps)
        check_proof(plan)
    except PlanError as error:
        raise SettingsError(str(error)) from None
    for step in plan.steps:
        needed = _NEEDS.get(step.kind)
        if needed and needed not in settings.upstream:
            raise SettingsError(f"flow.{name}.steps: step {step.kind} needs the stanza upstream.{needed}")
        _check_gateways(name, step.name, getattr(step.options, "channels", None))
        if isinstance(step, Aitu) and step.options.same_phone and settings.upstream["aitu"].get("trusted_phone"):
            raise SettingsError(
                f"flow.{name}.steps: step {step.name}, key same_phone: with upstream.aitu.trusted_phone the account's "
                "phone is only what we say; set same_phone = false to do without that proof"
            )
    return plan


def _check_fallbacks(ways: Iterable[Plan]) -> None:
    known = tuple(way.name for way in ways)
    for way in ways:
        for step in way.steps:
            if isinstance(step, Person) and step.options.fallback not in ("", *known):
                raise SettingsError(
                    f"flow.{way.name}.steps: step {step.name}, key fallback: "
                    f'bot.flows has no "{step.options.fallback}"{suggest(step.options.fallback, known)}'
                )


def _check_liveness(channel: str, plan: Plan) -> None:
    """A living face shows nobody's identity, and each check is paid for: who is asked for it has proven something."""
    for step in plan.steps:
        if step.kind == "liveness":
            raise SettingsError(
                f"channel.{channel}.flow: step {step.name} of {plan.name} must stand after one that proves who it is"
            )
        if "client" in step.needs and getattr(step.options, "skip", "never") == "never":
            return


def _check_gateways(flow: str, step: str, channels: tuple[str, ...] | None) -> None:
    known = tuple(CodeGateways.model_fields)
    for channel in channels or ():
        if channel not in known:
            raise SettingsError(f'flow.{flow}.steps: step {step}: no channel "{channel}"{suggest(channel, known)}')
