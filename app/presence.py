"""Which visitors are connected: a page that waits for an event keeps a stream open until its tab is closed."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from app.service import RunRegistry

Scope = MutableMapping[str, Any]
Asgi = Callable[..., Awaitable[None]]


class Presence:
    """ASGI middleware that tells the runs which visitors are connected.

    Gradio's own `unload` is sent by browsers only, and not for a run that waits. Every client that waits for an event
    holds `/queue/data?session_hash=...` open; the server ends it within a moment after the client has left.
    """

    def __init__(self, app: Asgi, runs: RunRegistry) -> None:
        self.app, self.runs = app, runs

    async def __call__(self, scope: Scope, receive: Asgi, send: Asgi) -> None:
        visitor = _visitor(scope)
        if not visitor:
            return await self.app(scope, receive, send)
        with self.runs.connection(visitor):
            return await self.app(scope, receive, send)


def _visitor(scope: Scope) -> str:
    """The session hash that a request for a stream names; empty for any other request."""
    if scope["type"] != "http" or not scope["path"].endswith("/queue/data"):
        return ""
    return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
