"""How pictures come in: requests of the page's own scripts, whose bodies stay in memory.

Gradio's own upload would write each file into a folder. A request names the visitor's album by its secret key, which
only the visitor's page knows; names of files travel in a header, since addresses are what servers log.
"""

from typing import Any
from urllib.parse import unquote

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app import service
from app.guard.access import same_site
from app.markup import pictures

FRAME = 2_000_000
"""Bytes of a frame of the camera that are taken."""
KEY, NAME, SIZE = "x-plainsight-album", "x-plainsight-name", "x-plainsight-size"
GONE = 410
AT_ONCE = 3
"""Pictures and frames of all visitors worked on at the same time; the others wait, so that the page stays quick."""
COMING, SECONDS = 6, 60.0
"""Bodies that are read at the same time, so that they do not fill the memory together, and how long one may take."""
SLOW = f"The picture did not come within {SECONDS:.0f} seconds."
NO_STORE = {"cache-control": "no-store"}


class Intake:
    """The routes of one app, for those whom Gradio lets in."""

    def __init__(self, app: Any) -> None:
        self.app, self.limiter, self.coming = app, CapacityLimiter(AT_ONCE), CapacityLimiter(COMING)
        self.taken = 0
        """Pictures that have come."""

    async def picture(self, request: Request) -> Response:
        """Take the picture in the body; what is wrong with it is said when the page is drawn next."""
        if refused := self._refused(request):
            return refused
        key, name = request.headers[KEY], unquote(request.headers.get(NAME, ""))[:300]
        given = request.headers.get(SIZE, "")
        size = int(given) if given.isascii() and given.isdecimal() and len(given) < 15 else 0
        try:
            return await self._taken(request, key, name, size)
        except TimeoutError:
            return _error(408, SLOW)

    async def _taken(self, request: Request, key: str, name: str, size: int) -> Response:
        async with self.coming:
            body = None if size > service.LARGEST_FILE else await _body(request, service.LARGEST_FILE)
            if body is None:
                known = service.refuse_picture(key, name, max(size, service.LARGEST_FILE + 1))
            else:
                known = await to_thread.run_sync(service.take_picture, key, body, name, limiter=self.limiter)
        self.taken += known
        return JSONResponse({}, 200 if known else GONE, NO_STORE)

    async def frame(self, request: Request) -> Response:
        """What both models say to a frame of the camera; nothing of it is kept."""
        if refused := self._refused(request):
            return refused
        try:
            body = await _body(request, FRAME)
        except TimeoutError:
            return _error(408, SLOW)
        if body is None:
            return _error(413, f"A frame has up to {FRAME // 1_000_000} MB.")
        try:
            shots = await to_thread.run_sync(service.filmed, request.headers[KEY], body, limiter=self.limiter)
        except (OSError, ValueError) as error:
            return _error(422, service.told(error))
        if shots is None:
            return JSONResponse({}, GONE, NO_STORE)
        answers = {side: {"picture": shot.picture, "said": pictures.said(shot)} for side, shot in shots.items()}
        return JSONResponse(answers, headers=NO_STORE)

    def _refused(self, request: Request) -> Response | None:
        """The answer to whoever has no business here: other sites, visitors without the password or an album."""
        if not same_site(request.headers):
            return _error(403, "Only the page of this app sends pictures here.")
        cookies = (request.cookies.get(f"access-token-{kind}{self.app.cookie_id}") for kind in ("", "unsecure-"))
        if self.app.auth is not None and not any(self.app.tokens.get(token) for token in cookies):
            return _error(401, "Log in first.")
        if service.albums.by_key(request.headers.get(KEY, "")) is None:
            return JSONResponse({}, GONE, NO_STORE)
        return None


async def _body(request: Request, most: int) -> bytes | None:
    """The body of a request; None as soon as it has more bytes than that. Raises TimeoutError after SECONDS."""
    parts, size = [], 0
    try:
        with fail_after(SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    return None
                parts.append(part)
    except ClientDisconnect:
        return None
    return b"".join(parts)


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status, NO_STORE)
