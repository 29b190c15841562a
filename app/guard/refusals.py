"""Refusals: one sentence for whoever asks, and one line in the log without anything personal."""

import errno
import logging
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from app.guard.types import Asgi, Message, Receive, Scope, Send

log = logging.getLogger("plainsight.requests")
ID = "plainsight.id"
NO_STORE = {"cache-control": "no-store"}
LOGGED = 60
"""Characters of a path that the log gets."""
MALFORMED = "The request does not fit this address; /gradio_api/info lists what can be asked, and how."


class Numbered:
    """Gives each request an id, by which the log can be searched for what a person was told."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[ID] = secrets.token_hex(4)
        await self.app(scope, receive, send)


class Refusals:
    """Turns whatever goes wrong with a request into an answer with one sentence."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = over = False

        async def noted(message: Message) -> None:
            nonlocal begun, over
            begun, over = True, message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except ClientDisconnect:
            return
        except Exception as error:
            if begun:  # nothing can be said any more: the answer ends here
                written(scope, 200, f"broke off, {told(error)}")
                return None if over else await send({"type": "http.response.body", "body": b""})
            status, sentence = _answer(error, str(scope["path"]))
            if status == 500:
                sentence = f"{sentence} Its number there is {scope.get(ID, 'unknown')}."
            await refuse(scope, receive, send, status, sentence, told(error))


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int, sentence: str, why: str = "", **headers: str
) -> None:
    """Answer with one sentence, and write one line into the log."""
    written(scope, status, why or sentence)
    named = {"x-request-id": str(scope.get(ID, "")), **NO_STORE, **headers}
    await JSONResponse({"error": sentence, "detail": sentence}, status, named)(scope, receive, send)


def written(scope: Scope, status: int, why: str) -> None:
    """Log a refusal: its number, status, method and the beginning of its path; no query, no address of a visitor."""
    path = str(scope["path"])
    path = path if len(path) <= LOGGED else f"{path[:LOGGED]}... ({len(path):,} characters)"
    log.warning("%s %d %s %s: %s", scope.get(ID, "-"), status, scope["method"], ascii(path)[1:-1], why)


def told(error: BaseException) -> str:
    """An error for the log: its kind and where it came up, without its words, which may quote what a person sent.

    With PLAINSIGHT_TRACEBACK the whole of it follows.
    """
    if os.environ.get("PLAINSIGHT_TRACEBACK"):
        log.warning("The traceback of the next line:", exc_info=error)
    at: TracebackType | None = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" at {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
    return f"{type(error).__name__}{where}"


async def malformed(request: Request, error: Any) -> JSONResponse:
    """The answer to a request whose body or query is not what an address takes."""
    assert isinstance(error, RequestValidationError)
    first: Any = next(iter(error.errors()), {})
    kind, place = first.get("msg", "it cannot be read"), [str(part) for part in first.get("loc", ())[1:]]
    sentence = f"{MALFORMED.partition(';')[0]}: {'.'.join(place)[:40] or 'the body'}: {kind}."
    written(request.scope, 422, f"{type(error).__name__} {first.get('type', '')}")
    return JSONResponse({"error": sentence, "detail": sentence}, 422, NO_STORE)


def _answer(error: Exception, path: str) -> tuple[int, str]:
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return 404, "There is nothing at this address."
    if "/gradio_api/" in path and isinstance(error, KeyError | TypeError | ValueError | LookupError | AttributeError):
        return 400, MALFORMED  # what an event or endpoint does is done elsewhere: only the asking can fail here
    if type(error).__name__ == "FnIndexInferError":
        return 404, MALFORMED
    return 500, "Something went wrong here, and the app's log says where."
