"""How large the body of a request may be, whether its length is declared or not; and for how long it may come in.

A body is read as a whole before anybody works on it, a few large ones at a time. The routes of `app.intake` read their
own: they know who may send, and tell the page what was too large.
"""

import asyncio
from typing import Any

from app.guard.refusals import refuse
from app.guard.types import Asgi, Message, Receive, Scope, Send

MB = 1_000_000
BODIES = (("/gradio_api/", 8 * MB), ("/login", 10_000))
"""The largest body at addresses that hold these words; a picture for an endpoint comes inside one."""
OTHERWISE = 100_000
OWN = ("/pictures", "/pictures/frame")
LARGE, AT_ONCE = 200_000, 4
"""Bytes of a body from which it is a large one, and how many such are read at the same time."""
SECONDS = 60.0
"""How long a body may take to come in."""
LINGER, DRAINED = 3.0, 64 * MB
"""After a refusal so many seconds and bytes are still taken: a client that is cut off in the middle reads no answer."""


class Bodies:
    """Answers 413 where a body is too large, 408 where it comes too slowly."""

    def __init__(self, app: Asgi) -> None:
        self.app, self.large = app, asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        bodiless = scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS")
        if bodiless or path.endswith(OWN):
            return await self.app(scope, receive, send)
        most = next((size for words, size in BODIES if words in path), OTHERWISE)
        declared = _declared(scope)
        if declared is not None and declared > most:
            return await _too_large(scope, receive, send, declared, most)
        try:
            async with asyncio.timeout(SECONDS):
                if declared is not None and declared <= LARGE:
                    body = await _read(receive, most)
                else:
                    async with self.large:
                        body = await _read(receive, most)
        except TimeoutError:
            return await refuse(scope, receive, send, 408, f"The body did not come within {SECONDS:.0f} seconds.")
        if body is None:
            return  # whoever sent it has gone
        if len(body) > most:
            return await _too_large(scope, receive, send, None, most)
        await self.app(scope, _again(body, receive), send)


def _declared(scope: Scope) -> int | None:
    """The length in the request's headers; None where it tells none."""
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(given) if given.isdigit() and len(given) < 19 else None


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body, or its beginning as soon as that has more bytes than `most`; None where the client has gone."""
    parts: list[bytes] = []
    size = 0
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body"):
            break
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then what comes after it."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _too_large(scope: Scope, receive: Receive, send: Send, declared: int | None, most: int) -> None:
    size = f"{declared:,}" if declared is not None else f"more than {most:,}"
    sentence = f"The body of this request has {size} bytes, and up to {most:,} are taken here."

    async def lingering(message: Message) -> None:
        if message["type"] != "http.response.body":
            return await send(message)
        await send({**message, "more_body": True})
        await _drain(receive)
        await send({"type": "http.response.body", "body": b""})

    await refuse(scope, receive, lingering, 413, sentence, connection="close")


async def _drain(receive: Receive) -> None:
    taken = 0
    try:
        async with asyncio.timeout(LINGER):
            while taken < DRAINED:
                message: Any = await receive()
                taken += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
    except TimeoutError:
        return
