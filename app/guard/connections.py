"""The requests that are being answered, so that a server that stops can end those that would go on for ever."""

import asyncio

from app.guard.types import Asgi, Message, Receive, Scope, Send


class Connections:
    """All requests of one server."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.closing = False

    def kept(self, app: Asgi) -> Asgi:
        """The server, each of whose requests is known here while it lasts."""

        async def answered(scope: Scope, receive: Receive, send: Send) -> None:
            task = asyncio.current_task()
            if scope["type"] != "http" or task is None:
                return await app(scope, receive, send)
            self.loop = asyncio.get_running_loop()
            begun = over = False

            async def noted(message: Message) -> None:
                nonlocal begun, over
                begun, over = True, message["type"] == "http.response.body" and not message.get("more_body")
                await send(message)

            self.tasks.add(task)
            try:
                await app(scope, receive, noted)
            except asyncio.CancelledError:
                if not self.closing:
                    raise
                task.uncancel()
                if not begun:
                    await send({"type": "http.response.start", "status": 503, "headers": []})
                if not over:
                    await send({"type": "http.response.body", "body": b""})
            finally:
                self.tasks.discard(task)

        return answered

    def close(self) -> None:
        """End all of them; from any thread."""
        if self.loop is None or self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.closing = True
        for task in list(self.tasks):
            task.cancel()
