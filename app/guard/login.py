"""Guessing of passwords is slowed: after a few wrong ones, whoever sends them has to wait, each time twice as long."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from app.guard.refusals import refuse
from app.guard.types import Asgi, Message, Receive, Scope, Send

FREE = 5
"""Wrong passwords without a wait."""
LONGEST = 900.0
"""Seconds of the longest wait; after twice as long without a guess all is forgotten."""
KEPT = 10_000
"""Addresses that are remembered."""


@dataclass
class Guesses:
    """What is known of one address: how many wrong passwords, and until when it has to wait."""

    wrong: int = 0
    until: float = 0.0


class Logins:
    """Answers 429 to those who have to wait, whatever password they send."""

    def __init__(self, app: Asgi, clock: Callable[[], float] = time.monotonic) -> None:
        self.app, self.clock = app, clock
        self.known: OrderedDict[str, Guesses] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", "")).rstrip("/")
        if scope["type"] != "http" or scope["method"] != "POST" or not path.endswith("/login"):
            return await self.app(scope, receive, send)
        guesses = self._of(network((scope.get("client") or ("",))[0]))
        left = guesses.until - self.clock()
        if left > 0:
            sentence = f"Too many wrong passwords came from here; try again in {left:.0f} seconds."
            return await refuse(scope, receive, send, 429, sentence, **{"retry-after": f"{max(1, round(left))}"})
        self._wrong(guesses)  # until it turns out right, so that many at once are as slow as one after the other

        async def heard(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                guesses.wrong, guesses.until = 0, 0.0
            await send(message)

        await self.app(scope, receive, heard)

    def _of(self, address: str) -> Guesses:
        guesses = self.known.setdefault(address, Guesses())
        self.known.move_to_end(address)
        while len(self.known) > KEPT:
            self.known.popitem(last=False)
        if guesses.until and self.clock() - guesses.until > 2 * LONGEST:
            guesses.wrong = 0
        return guesses

    def _wrong(self, guesses: Guesses) -> None:
        guesses.wrong += 1
        if guesses.wrong >= FREE:
            guesses.until = self.clock() + min(LONGEST, 2.0 ** (guesses.wrong - FREE + 1))


def network(address: str) -> str:
    """Whom an address belongs to: itself, or in IPv6 the network of 64 bits that one subscriber has.

    >>> network("192.0.2.7"), network("2001:db8::17"), network("testclient")
    ('192.0.2.7', '2001:db8::/64', 'testclient')
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address
