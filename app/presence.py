"""Which visitors are connected: a page keeps a stream open until its tab is closed, and another while it waits."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from app.service import RunRegistry, albums

Scope = MutableMapping[str, Any]
Asgi = Callable[..., Awaitable[None]]
HEARTBEAT = "/heartbeat/"


class Presence:
    """ASGI middleware that tells the runs and the albums of pictures which visitors are connected.

    Gradio's own `unload` is sent by browsers only, and not for a run that waits. Every client that waits for an event
    holds `/queue/data?session_hash=...` open; the server ends it within a moment after the client has left. A page in a
    browser holds `/heartbeat/...` open for as long as it is there.
    """

    def __init__(self, app: Asgi, runs: RunRegistry) -> None:
        self.app, self.runs = app, runs

    async def __call__(self, scope: Scope, receive: Asgi, send: Asgi) -> None:
        if page := _page(scope):
            with albums.connection(page):
                return await self.app(scope, receive, send)
        visitor = _visitor(scope)
        if not visitor:
            return await self.app(scope, receive, send)
        with self.runs.connection(visitor):
            return await self.app(scope, receive, send)


def _page(scope: Scope) -> str:
    """The session hash of a page that stays connected; empty for any other request."""
    if scope["type"] != "http" or HEARTBEAT not in scope["path"]:
        return ""
    return str(scope["path"]).rpartition(HEARTBEAT)[2]


def _visitor(scope: Scope) -> str:
    """The session hash that a request for a stream names; empty for any other request."""
    if scope["type"] != "http" or not scope["path"].endswith("/queue/data"):
        return ""
    return parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
