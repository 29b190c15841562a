"""Which of Gradio's addresses are open: none that takes or gives files, or that the app has no use for."""

import re

from app.guard.refusals import refuse
from app.guard.types import Asgi, Receive, Scope, Send

PATH, QUERY = 2000, 16_000
"""Characters of an address that are read."""
UPLOAD = re.compile(r"/gradio_api/upload")
NO_UPLOAD = (
    "Files cannot be uploaded here: the tab Your pictures takes pictures into memory, "
    "and the endpoints perturb and predict take one as base64."
)
CLOSED = re.compile(
    # files and streams of media, which the app has none of
    r"/gradio_api/(file=|file/|proxy=|stream/|component_server|process_recording|custom_component|deep_link"
    # work that goes round the queue, and tools of developers
    r"|run/|api/|dev/|vibe|runs|run-history|profiling)"
    r"|^/(monitoring|svelte|openapi\.json|docs|redoc)(/|$)"
    r"|^/pwa_icon/(?!(192|512)$)"  # it would be drawn at any size
    r"|[\x00-\x1f\x7f]"  # Gradio makes addresses of what it gets, in which these are an error
)


class Doors:
    """Answers 403 or 404 at closed addresses, and 414 at very long ones."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, query = str(scope["path"]), len(scope["query_string"])
        if len(path) > PATH or query > QUERY:
            what, length, most = ("path", len(path), PATH) if len(path) > PATH else ("query", query, QUERY)
            sentence = f"The {what} of this address has {length:,} characters, and up to {most:,} are read."
            return await refuse(scope, receive, send, 414, sentence)
        if UPLOAD.search(path):
            return await refuse(scope, receive, send, 403, NO_UPLOAD)
        if CLOSED.search(path):
            return await refuse(scope, receive, send, 404, "There is nothing at this address.")
        await self.app(scope, receive, send)
