"""Who asks: through which proxy, from a page of which site; and the headers that tell browsers what pages may do."""

import ipaddress
from typing import Any, cast

from starlette.datastructures import Headers, MutableHeaders
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.guard.refusals import refuse
from app.guard.types import Asgi, Message, Receive, Scope, Send
from app.settings import ANY, Network, Settings

SAFE = ("GET", "HEAD", "OPTIONS")
FORWARDED = ("x-forwarded-", "forwarded", "x-real-ip")
ELSEWHERE = (
    "Only pages of this app may ask this; whoever hosts it can admit other sites by PLAINSIGHT_ORIGINS, "
    "and a proxy that changes the Host header has to send X-Forwarded-Host."
)


class Proxied:
    """Believes X-Forwarded-* of the proxies in the settings, and hides what others send under these names."""

    def __init__(self, app: Asgi, settings: Settings) -> None:
        self.app, self.proxies = app, settings.proxies
        trusted = "*" if self.proxies is None else [str(network) for network in self.proxies]
        self.behind: Any = ProxyHeadersMiddleware(cast(Any, app), trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if trusted((scope.get("client") or ("",))[0], self.proxies):
            return await self.behind(scope, receive, send)
        names = [(name, value) for name, value in scope["headers"] if not name.decode("latin-1").startswith(FORWARDED)]
        await self.app({**scope, "headers": names}, receive, send)


def trusted(address: str, proxies: tuple[Network, ...] | None) -> bool:
    """Whether this address is one of the proxies (None: every address is)."""
    if proxies is None:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in proxies)


class Access:
    """Refuses what pages of other sites ask in a visitor's name, and adds the headers of every answer."""

    def __init__(self, app: Asgi, settings: Settings) -> None:
        self.app, self.settings = app, settings
        frames = " ".join(settings.frames if ANY in settings.frames else ("'self'", *settings.frames))
        self.headers = {
            "content-security-policy": f"{POLICY}; frame-ancestors {frames}",
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        origin = headers.get("origin", "").lower()
        listed = origin in self.settings.origins

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(raw=list(message.get("headers", ())))
                self._dress(answer, origin if listed else "")
                message = {**message, "headers": answer.raw}
            await send(message)

        if not listed and not same_site(headers):
            asks_first = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
            if asks_first or scope["method"] not in SAFE:
                return await refuse(scope, receive, dressed, 403, ELSEWHERE)
        await self.app(scope, receive, dressed)

    def _dress(self, answer: MutableHeaders, origin: str) -> None:
        """Own headers in place of Gradio's, which let any site read along where the host is not this machine."""
        for name in [name for name in answer if name.startswith("access-control-allow-") and not origin]:
            del answer[name]
        if origin:
            answer["access-control-allow-origin"] = origin
            answer["access-control-allow-credentials"] = "true"
            answer.add_vary_header("origin")
        for name, value in self.headers.items():
            answer.setdefault(name, value)
        cookies = answer.getlist("set-cookie")
        if cookies:
            del answer["set-cookie"]
            for cookie in cookies:
                answer.append("set-cookie", _cookie(cookie, self.settings.on_hub))


POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's page has scripts in it, and makes the scripts of its HTML components from text
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob: mediastream:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


def same_site(headers: Headers) -> bool:
    """Whether a request comes from a page of this app, or from no page at all, as far as its browser tells."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:  # browsers set it, and no script can change it
        return site in ("same-origin", "none")
    if origin is None:
        return True
    host = origin.lower().partition("://")[2]
    return bool(host) and host in (headers.get("host", "").lower(), headers.get("x-forwarded-host", "").lower())


def _cookie(cookie: str, on_hub: bool) -> str:
    """A cookie that no page of another site can send along; in a Space, which lies in a frame, the secure one can."""
    parts = [part.strip() for part in cookie.split(";")]
    if on_hub and "secure" in (part.lower() for part in parts):
        return cookie
    kept = [part for part in parts if not part.lower().startswith("samesite")]
    if "httponly" not in (part.lower() for part in kept):
        kept.append("HttpOnly")
    return "; ".join([*kept, "SameSite=Lax"])
