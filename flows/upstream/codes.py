"""Delivery of one-time codes: the channels of a step, in order, until one accepts (contract §7, security.md U3, Q22).

What is known across processes, the breaker and the sending limits, lives in the store. Here: one message, its channels,
and which of them a crashed predecessor had begun.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict

from flows.errors import Refused, Unavailable, Unexpected
from flows.upstream.code_gateway import ONE_DESTINATION, CodeMessage, Gateway, SecretUnset, secret
from flows.upstream.console import Console, ConsoleOptions
from flows.upstream.mail import Mail, MailOptions
from flows.upstream.osonsms import OsonSMS, OsonSMSOptions
from flows.upstream.smsc import SMSC, SMSCOptions
from flows.upstream.telegram import Telegram, TelegramOptions
from flows.upstream.telegram_gateway import TelegramGateway, TelegramGatewayOptions

__all__ = [
    "ONE_DESTINATION",
    "CodeDelivery",
    "CodeGateways",
    "CodeMessage",
    "Delivered",
    "Gateway",
    "SecretUnset",
    "build",
]

KNOW_SEND_IDS = frozenset({"osonsms", "smsc"})
"""Gateways that answer "accepted already" to a send id they have had."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """`channel` is the one that accepted, None when none did.

    `failed` holds (channel, word) in the order of the tries. Words: a `Reason`, "unavailable", "timeout", "unexpected";
    "down" for a channel that was known to be down and not asked; "interrupted" for one that crashed twice and is
    not asked a third time. With `failed` empty and no channel, none serves the destination.
    """

    channel: str | None
    failed: tuple[tuple[str, str], ...] = ()


class CodeGateways(BaseModel):
    """The stanza `[upstream]`: the gateways that this installation has. A channel's name is its stanza's."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True)

    osonsms: OsonSMSOptions | None = None
    smsc: SMSCOptions | None = None
    mail: MailOptions | None = None
    telegram: TelegramOptions | None = None
    telegram_gateway: TelegramGatewayOptions | None = None
    console: ConsoleOptions | None = None


def build(options: CodeGateways, environ: Mapping[str, str]) -> dict[str, Gateway]:
    """The configured gateways by name. `SecretUnset` names the variable that is missing."""
    gateways: list[Gateway] = []
    if options.osonsms:
        gateways.append(OsonSMS(options.osonsms, secret(environ, options.osonsms.token_env)))
    if options.smsc:
        gateways.append(SMSC(options.smsc, secret(environ, options.smsc.secret_env)))
    if options.telegram:
        gateways.append(Telegram(options.telegram, secret(environ, options.telegram.token_env)))
    if options.telegram_gateway:
        token = secret(environ, options.telegram_gateway.token_env)
        gateways.append(TelegramGateway(options.telegram_gateway, token))
    if options.mail:
        password = secret(environ, options.mail.password_env) if options.mail.username else None
        gateways.append(Mail(options.mail, password))
    if options.console:
        gateways.append(Console())
    return {gateway.name: gateway for gateway in gateways}


class CodeDelivery:
    """Holds no state of its own: any process may go on with what another one began."""

    def __init__(self, gateways: Mapping[str, Gateway]) -> None:
        self.gateways = dict(gateways)

    async def close(self) -> None:
        for gateway in self.gateways.values():
            await gateway.close()

    def serves(self, message: CodeMessage, channels: Sequence[str]) -> bool:
        """Would any of these channels take it, as far as can be said without asking?"""
        return any(self.gateways[channel].serves(message) for channel in channels if channel in self.gateways)

    async def deliver(
        self,
        message: CodeMessage,
        channels: Sequence[str],
        *,
        started: Callable[[str], Awaitable[None]],
        already_started: Sequence[str],
        seconds_each: float = 3.0,
        is_down: Collection[str] = (),
    ) -> Delivered:
        """Try the channels in order, each for `seconds_each` at most, until one accepts.

        `started(channel)` is awaited before each try and must have stored the intent when it returns; what it raises,
        and cancellation, pass through. `already_started`: the channels that earlier runs of this very send began,
        oldest first. Trouble with a gateway never raises.
        """
        failed: list[tuple[str, str]] = []
        for channel, again in _order(channels, already_started):
            gateway = self.gateways.get(channel)
            if gateway is None or not gateway.serves(message):
                continue
            skipped = _skipped(channel, already_started, is_down, again=again)
            if skipped:
                failed.append((channel, skipped))
                continue
            await started(channel)
            trouble = await _try(gateway, replace(message, resubmitted=again), seconds_each)
            if trouble is None:
                return Delivered(channel, tuple(failed))
            failed.append((channel, trouble))
        return Delivered(None, tuple(failed))


def _order(channels: Sequence[str], already_started: Sequence[str]) -> list[tuple[str, bool]]:
    """(channel, is it a re-submission). The last one begun may have gone out, so it comes first; those begun before it
    had failed, and those in front of it had been passed over.
    """
    if not already_started:
        return [(channel, False) for channel in channels]
    crashed = already_started[-1]
    rest = channels[channels.index(crashed) + 1 :] if crashed in channels else channels
    return [(crashed, True)] + [(channel, False) for channel in rest if channel not in already_started]


def _skipped(channel: str, already_started: Sequence[str], is_down: Collection[str], *, again: bool) -> str | None:
    if not again:
        return "down" if channel in is_down else None
    # A crashed channel is asked even when it is known to be down: only it can say whether the first try went out.
    # One that knows send ids may be asked as often as we crash: going on to another vendor would send a second message.
    again_is_harmless = channel in KNOW_SEND_IDS
    return "interrupted" if already_started.count(channel) > 1 and not again_is_harmless else None


async def _try(gateway: Gateway, message: CodeMessage, seconds: float) -> str | None:
    """None when accepted, else the word of the failure."""
    try:
        async with asyncio.timeout(seconds):
            await gateway.send(message)
    except Refused as refused:
        return refused.reason
    except Unavailable:
        return "unavailable"
    except Unexpected:
        return "unexpected"
    except TimeoutError:
        return "timeout"
    return None
