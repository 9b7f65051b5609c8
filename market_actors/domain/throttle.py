"""Sign-ins: how long somebody who guesses passwords has to wait.

The count is of an account and an address together, so nobody can lock an account for its owner.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from math import inf

FREE_TRIES = 5
WINDOW = 900.0  # seconds in which the free tries count, and after which all is forgotten
FIRST_WAIT = 1.0
LONGEST_WAIT = 900.0
ADDRESS_TRIES = 100
ADDRESS_WINDOW = 3600.0
KEPT = 10_000  # accounts by address, and addresses: the oldest are forgotten first
LONGEST_NAME = 320  # characters of an account that are told apart; an e-mail address has no more


@dataclass(slots=True)
class Tries:
    """Wrong tries for one account from one address; times are seconds of a clock that does not jump.

    recent: of the last FREE_TRIES.
    wait:   what the last one costs, doubled by the next; 0 while tries are free.
    """

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=FREE_TRIES))
    wait: float = 0.0

    @property
    def until(self) -> float:
        """When the next may be made."""
        return self.recent[-1] + self.wait if self.recent else -inf

    def is_over(self, now: float) -> bool:
        return self.until + WINDOW <= now

    def add(self, now: float) -> None:
        self.recent.append(now)
        if self.wait:
            self.wait = min(self.wait * 2, LONGEST_WAIT)
        elif len(self.recent) == FREE_TRIES and now - self.recent[0] < WINDOW:
            self.wait = FIRST_WAIT


class Throttle:
    """Counts a try as wrong when it begins, and takes that back when it was right.

    So tries made at once, while the first password is still being checked, count as well. *now* is in seconds
    of a monotonic clock.
    """

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, str], Tries] = OrderedDict()
        self._addresses: OrderedDict[str, deque[float]] = OrderedDict()

    def attempt(self, account: str, address: str, now: float) -> float:
        """Begin a try: return 0.0 if it may be made, else for how many seconds it is refused. Refusals cost nothing."""
        self._forget(now)
        key = _key(account, address)
        tries = self._tries.get(key)
        if tries is None or tries.is_over(now):
            tries = Tries()
        from_address = self._addresses.get(address, deque(maxlen=ADDRESS_TRIES))
        wait = tries.until - now
        if len(from_address) == ADDRESS_TRIES:
            wait = max(wait, from_address[0] + ADDRESS_WINDOW - now)
        if wait > 0:
            return wait
        tries.add(now)
        from_address.append(now)
        self._tries[key], self._addresses[address] = tries, from_address
        self._tries.move_to_end(key)
        self._addresses.move_to_end(address)
        return 0.0

    def right(self, account: str, address: str) -> None:
        """The last try was right: forget those for the account from the address."""
        self._tries.pop(_key(account, address), None)
        from_address = self._addresses.get(address)
        if from_address:
            from_address.pop()

    def _forget(self, now: float) -> None:
        """Drop what is over, and the oldest of too many; the dictionaries are in the order of the last try."""
        while self._tries and (len(self._tries) >= KEPT or next(iter(self._tries.values())).is_over(now)):
            self._tries.popitem(last=False)
        while self._addresses and (len(self._addresses) >= KEPT or _is_old(next(iter(self._addresses.values())), now)):
            self._addresses.popitem(last=False)


def _key(account: str, address: str) -> tuple[str, str]:
    return account.casefold()[:LONGEST_NAME], address


def _is_old(times: deque[float], now: float) -> bool:
    return not times or times[-1] + ADDRESS_WINDOW <= now
