"""Who is it? Finds the bank's client under the name that was given."""

from flows.effects import FindClient, Found, perform
from flows.errors import FlowError
from flows.identifiers import recognise
from flows.model import Ask, Expects, Facts, Input, Options, Outcome, Pass, Script, State, Step, Stop, Typed
from flows.texts import Text


class ClientNotFound(FlowError):
    code, key, status, final = "1001", "error.client_not_found", 404, True


class ClientOptions(Options):
    """The step has no options."""


class Client(Step[State, ClientOptions]):
    kind = "client"
    state_type = State
    options_type = ClientOptions
    gives = frozenset({"client"})

    def enter(self, facts: Facts, now: float) -> Script[Outcome]:
        if not facts.names:
            return self._ask()
        found = yield from perform(FindClient(facts.names))
        if found:
            return Pass(_known(facts, found))
        return Stop(ClientNotFound()) if facts.reveal_unknown else Pass(_decoy(facts))

    def answer(self, state: State, given: Input, facts: Facts, now: float) -> Script[Outcome]:
        names = recognise(given.text, None, facts.country) if isinstance(given, Typed) else ()
        return (yield from self.enter(facts.model_copy(update={"names": names}), now))

    def _ask(self) -> Ask:
        return Ask(Text(key="client.ask"), State(), Expects(kind="text", pattern="^.{3,128}$"), tries=10)


def _known(facts: Facts, found: Found) -> Facts:
    update = {
        "client": found.client,
        "phone": found.phone,
        "email": found.email,
        "chat": found.chat,
        "has_secret_word": found.has_secret_word,
        "has_birth_date": found.has_birth_date,
    }
    return facts.model_copy(update=update)


def _decoy(facts: Facts) -> Facts:
    values = {name.kind: name.value for name in facts.names}
    return facts.model_copy(update={"phone": values.get("phone"), "email": values.get("email")})


STEP = Client
