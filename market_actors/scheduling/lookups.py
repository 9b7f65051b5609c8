"""Look-ups under way at the providers: who waits for which, and what was found lately."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from market_actors.actor import Reply
from market_actors.errors import Unavailable
from persistence.records import Instrument

REMEMBER = 3600.0  # seconds; a look-up costs a call
KEPT = 500  # results
AT_ONCE = 20  # texts


@dataclass(slots=True)
class LookUpUnderWay:
    """A text, who asked first, who waits for what it finds, and the providers that failed."""

    text: str
    user_id: UUID | None
    replies: list[Reply] = field(default_factory=list)
    tried: set[str] = field(default_factory=set)
    is_asked: bool = False


class LookUps:
    """One call for all who look the same thing up."""

    def __init__(self) -> None:
        self._under_way: dict[str, LookUpUnderWay] = {}
        self._found: dict[str, tuple[float, tuple[Instrument, ...]]] = {}

    def begin(self, text: str, monotonic: float, user_id: UUID | None) -> Reply:
        """Return where the answer is or will be. Raises Unavailable when too many wait already."""
        text = " ".join(text.casefold().split())
        reply = Reply()
        found = self._found.get(text)
        if found is not None and monotonic - found[0] < REMEMBER:
            reply.set(found[1])
            return reply
        if text not in self._under_way:
            if len(self._under_way) >= AT_ONCE:
                raise Unavailable("too many look-ups at once", retry_after=5)
            self._under_way[text] = LookUpUnderWay(text, user_id)
        self._under_way[text].replies.append(reply)
        return reply

    def waiting(self) -> list[LookUpUnderWay]:
        """Return those that no provider is being asked about."""
        return [look_up for look_up in self._under_way.values() if not look_up.is_asked]

    def answer(self, text: str, instruments: tuple[Instrument, ...], monotonic: float) -> None:
        self._found.pop(text, None)
        self._found[text] = (monotonic, instruments)
        if len(self._found) > KEPT:
            del self._found[next(iter(self._found))]
        for reply in self._end(text):
            reply.set(instruments)

    def failed_at(self, text: str, provider: str) -> None:
        """Let another provider be asked."""
        look_up = self._under_way.get(text)
        if look_up is not None:
            look_up.tried.add(provider)
            look_up.is_asked = False

    def give_up(self, text: str, error: Exception) -> None:
        for reply in self._end(text):
            reply.fail(error)

    def give_up_all(self, error: Exception) -> None:
        for text in list(self._under_way):
            self.give_up(text, error)

    def _end(self, text: str) -> list[Reply]:
        look_up = self._under_way.pop(text, None)
        return look_up.replies if look_up else []
