"""What the server hands out beside the page: postcards, and the talk where the address has `talk` in its query."""

from typing import Any

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.datastructures import QueryParams
from starlette.routing import Match

from app import service
from app.edition import talk
from app.edition.postcard import postcard


class TalkRoute(APIRoute):
    """Leaves all other queries to the page."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        found = super().matches(scope)
        return found if "talk" in QueryParams(scope.get("query_string", b"")) else (Match.NONE, {})


def serve(app: Any) -> None:
    """Answer `/?talk=...` before Gradio's `app` does; who has to log in is led to the page, which asks for that."""
    page = next(route for route in app.routes if isinstance(route, APIRoute) and route.path == "/")
    user = Depends(page.dependant.dependencies[0].call)  # the page's own way to tell who has logged in

    def answer(user: str | None = user) -> Response:
        if user is None and app.auth is not None:
            return RedirectResponse("?")
        return HTMLResponse(talk.document(), headers={"Cache-Control": "no-cache"})

    app.router.add_api_route(
        "/", answer, methods=["GET", "HEAD"], include_in_schema=False, route_class_override=TalkRoute
    )
    app.router.routes.insert(0, app.router.routes.pop())

    def card(request: Request, user: str | None = user) -> Response:
        if user is None and app.auth is not None:
            raise HTTPException(401, "Log in first.")
        try:
            session, _ = service.opened(dict(request.query_params), service.CompareSession)
            return Response(postcard(session), media_type="image/webp")
        except (OSError, ValueError) as error:
            raise HTTPException(404, service.told(error)) from error

    app.router.add_api_route("/postcard.webp", card, methods=["GET"], include_in_schema=False)
    app.router.routes.insert(0, app.router.routes.pop())
