"""What a link to the page shows elsewhere: a title, a description and a picture in place of Gradio's own."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from typing import Any

from gradio.route_utils import get_root_url
from starlette.requests import Request
from starlette.responses import FileResponse

from app.theme import STATIC

Message = MutableMapping[str, Any]
Asgi = Callable[..., Awaitable[None]]

OTHERS = re.compile(r'\s*<meta\s+(?:property="og:|name="twitter:)[^>]*>')
"""Gradio's description of itself, which comes first and which no option of Gradio changes."""


class Preview:
    """ASGI middleware that describes the page to whoever makes a preview of a link, without running its scripts."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Asgi, send: Asgi) -> None:
        if not _asks_for_the_page(scope):
            return await self.app(scope, receive, send)
        root = get_root_url(Request(scope), "/", scope.get("root_path"))
        begun: Message = {}
        body = b""

        async def rewritten(message: Message) -> None:
            nonlocal begun, body
            if message["type"] == "http.response.start":
                begun = message
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            page = described(body.decode(), root).encode()
            headers = [(name, value) for name, value in begun["headers"] if name != b"content-length"]
            headers.append((b"content-length", str(len(page)).encode()))
            await send({**begun, "headers": headers})
            await send({"type": "http.response.body", "body": page})

        await self.app(scope, receive, rewritten)


def _asks_for_the_page(scope: Message) -> bool:
    own = ("", str(scope.get("root_path", "")).rstrip("/"))
    return scope["type"] == "http" and scope["method"] == "GET" and scope["path"].rstrip("/") in own


def described(page: str, root: str) -> str:
    """The page with our own description in its head; `root` is the address of the app without a slash at its end."""
    return OTHERS.sub("", page).replace("<head>", f"<head>{tags(root)}", 1)


def tags(root: str, icon: str = "favicon.ico") -> str:
    """Tags for the head of the page, with its title, description and picture; `icon` is a file beside it."""
    title = "PlainSight: perturbations that show themselves"
    words = (
        "One pattern fools a whole model. What fools a standard model can hardly be seen; "
        "what still fools a shared-trained one is in plain sight."
    )
    image, root = escape(f"{root}/preview.png"), escape(root)
    told = {"title": title, "description": words, "image": image}
    return (
        f'<meta name="description" content="{words}"><meta property="og:type" content="website">'
        f'<meta name="twitter:card" content="summary_large_image"><link rel="icon" href="{root}/{icon}">'
        + "".join(
            f'<meta property="og:{name}" content="{content}"><meta name="twitter:{name}" content="{content}">'
            for name, content in told.items()
        )
    )


def picture() -> FileResponse:
    """The picture of the description."""
    return FileResponse(STATIC / "preview.png")
