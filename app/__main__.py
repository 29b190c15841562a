"""The command that starts the app: `plainsight app`, or `python -m app`."""

import importlib
import importlib.util
import logging
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from app.guard import Connections
    from app.service import RunRegistry
    from app.settings import Settings
    from app.stopping import Stopping

OTHERS = {"talk": "app.edition.handout", "export": "app.edition.export.folder", "space": "app.edition.export.space"}
"""Commands beside the app itself, and the modules that hold them."""


def main(
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; 0.0.0.0 (:: for IPv6) admits other machines.", envvar="GRADIO_SERVER_NAME"
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, 1 to 65535.", envvar="GRADIO_SERVER_PORT")] = 7860,
    root_path: Annotated[
        str, typer.Option(help="Path under which a proxy serves the app, like /plainsight. Default: none.")
    ] = "",
    auth: Annotated[
        str, typer.Option(help="NAME:PASSWORD that visitors must enter. Default: none.", envvar="PLAINSIGHT_AUTH")
    ] = "",
    models: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of further models, like runs, or one model folder; may be given several times."),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where models run: cpu, cuda or mps; auto takes a GPU if there is one.", envvar="PLAINSIGHT_DEVICE"
        ),
    ] = "auto",
    inbrowser: Annotated[bool, typer.Option(help="Open the page in the default browser.")] = False,
) -> None:
    """Start the app and print its address; Ctrl+C stops it.

    `python -m app talk FILE.pdf` prints the talk with its notes; `python -m app export FOLDER` writes the app as plain
    files, which need no server.
    """
    from app.stopping import Stopping

    with Stopping() as asked:
        host = host.strip("[]")
        _check(host, port, auth)
        _offer(models or [])
        _run_on(device)
        os.environ.pop("GRADIO_SERVER_NAME", None)  # already read; Gradio would bind an IPv4 socket to it
        logging.getLogger("httpx").setLevel(logging.WARNING)
        _serve(asked, host, port, root_path=root_path or None, auth=_credentials(auth), inbrowser=inbrowser)


def _serve(asked: "Stopping", host: str, port: int, **options: Any) -> None:
    """Serve the page until the process is asked to stop, and end the process then."""
    from app import memory, stopping

    asked.begin()
    memory.begin()
    tidied = stopping.own_folder()
    ends: list[Callable[[], object]] = []
    page = start(host, port, ends, **options)
    from app.page import warm_up

    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    print(f"PlainSight is at http://{_bracketed(near)}:{port}", flush=True)
    asked.wait()
    print("Stopping.", flush=True)
    stopping.stop(*ends, lambda: page.close(verbose=False), tidied)


def start(host: str, port: int, ends: list[Callable[[], object]] | None = None, **options: Any) -> Any:
    """Start the page and return it (`gradio.Blocks`, which `.close()` ends); Gradio's `launch` takes `options`.

    `ends` gets what is to be called before `.close()` where the process ends: it stops runs and open streams.
    """
    from app import memory, service, theme
    from app.guard import Connections, places
    from app.page import build, in_a_loop
    from app.settings import read

    given = read(private=bool(options.get("auth")))
    runs, connections = service.RunRegistry(given.runs_per_address, given.run_seconds), Connections()
    page = build(runs)
    places.limit(page, runs)
    memory.lighten(page)
    settings: dict[str, Any] = {"server_name": _bracketed(host), "server_port": port, **theme.look()}
    settings |= safe_settings(runs, given, connections, lambda app: _route(app, page, runs, given))
    with _as_a_plain_server():
        in_a_loop(lambda: page.launch(**settings, **options))
    if ends is not None:
        ends += [runs.close, connections.close]
    return page


def _route(app: Any, page: Any, runs: "RunRegistry", settings: "Settings") -> None:
    """Give Gradio's `app` the routes that it does not have, before its own catch-all."""
    from app import components, memory, preview
    from app.edition.route import serve
    from app.intake import Intake

    memory.check_at_once(app)
    intake = Intake(app)
    routes: list[tuple[str, Any, str]] = [("/preview.png", preview.picture, "GET")]
    routes += [("/healthz", _health(runs), "GET"), ("/plotly.min.js", components.plotly_js, "GET")]
    routes += [("/pictures", intake.picture, "POST"), ("/pictures/frame", intake.frame, "POST")]
    if settings.metrics != ():
        from app.metrics import Metrics

        metrics = Metrics(runs, intake, settings.metrics)
        metrics.watch(page)
        routes.append(("/metrics", metrics.answer, "GET"))
    for path, answer, method in routes:
        app.add_api_route(path, answer, methods=[method])
        app.router.routes.insert(0, app.router.routes.pop())
    serve(app)


@contextmanager
def _as_a_plain_server() -> "Iterator[None]":
    """While Gradio starts its server: without what it has for developers in a Space, and for proxies of its own.

    In a Space it watches files for changes by a package that only some Spaces have.
    """
    from gradio import http_server

    watching, http_server.get_space = http_server.get_space, lambda: None
    proxies = os.environ.get("FORWARDED_ALLOW_IPS")
    os.environ["FORWARDED_ALLOW_IPS"] = ""  # app.guard.access decides whom to believe
    try:
        yield
    finally:
        http_server.get_space = watching
        del os.environ["FORWARDED_ALLOW_IPS"]
        if proxies is not None:
            os.environ["FORWARDED_ALLOW_IPS"] = proxies


def _health(runs: "RunRegistry") -> Callable[[], Any]:
    """The route that says whether the app can show anything: 503 where it cannot."""
    from starlette.responses import JSONResponse

    from app import service

    def healthz() -> JSONResponse:
        found = service.health(runs)
        return JSONResponse(found, 200 if found["models"] else 503, {"cache-control": "no-store"})

    return healthz


def _bracketed(host: str) -> str:
    """The host as in a URL, with an IPv6 address in brackets; Gradio expects this form too."""
    return f"[{host}]" if ":" in host else host


def safe_settings(
    runs: "RunRegistry", settings: "Settings", connections: "Connections", route: Callable[[Any], None]
) -> dict[str, Any]:
    """Options of `launch`: no telemetry, no access to files outside the app, no internals in errors, and the guard.

    `route` gets the server's app before its port is open, so that every route answers from the first request on.
    """
    from fastapi.exceptions import RequestValidationError
    from starlette.middleware import Middleware

    from app.guard import Refusals, around, malformed
    from app.presence import Presence
    from app.preview import Preview
    from app.service.runs import MANY
    from app.theme import STATIC

    @asynccontextmanager
    async def guarded(app: Any) -> "AsyncIterator[None]":
        app.middleware_stack = around(app.middleware_stack, settings, connections)  # before the first request comes
        route(app)
        yield

    return {
        "share": False,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
        "strict_cors": True,
        "max_file_size": "5mb",
        "show_error": False,
        "allowed_paths": [],
        "state_session_capacity": 200,
        "max_threads": 40 + MANY,  # events under way; whoever waits for a run has one, which takes no thread
        "footer_links": ["api"],
        "mcp_server": speaks_mcp(),
        "prevent_thread_lock": True,
        "quiet": True,
        "favicon_path": STATIC / "favicon.png",
        "app_kwargs": {
            "lifespan": guarded,
            "middleware": [Middleware(Refusals), Middleware(Presence, runs=runs), Middleware(Preview)],
            "exception_handlers": {RequestValidationError: malformed},
        },
    }


def speaks_mcp() -> bool:
    """Whether the endpoints are offered to agents as MCP tools too: where the extra `mcp` is installed.

    `GRADIO_MCP_SERVER=false` switches them off.
    """
    if os.environ.get("GRADIO_MCP_SERVER", "true").lower() != "true" or importlib.util.find_spec("mcp") is None:
        return False
    try:
        importlib.import_module("gradio.mcp")
    except ImportError as error:
        logging.getLogger(__name__).warning("No MCP tools: %s. Install what fits: pip install 'plainsight[mcp]'", error)
        return False
    return True


def _check(host: str, port: int, auth: str) -> None:
    """Raise typer.BadParameter if the options cannot be used."""
    if not 1 <= port <= 65535:
        raise typer.BadParameter(f"a port is a number from 1 to 65535, and {port} was given.", param_hint="--port")
    if auth and not _credentials(auth):
        raise typer.BadParameter("it must look like NAME:PASSWORD.", param_hint="--auth")
    from app.settings import read

    try:
        read()
        tempfile.gettempdir()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="the environment") from error
    except OSError as error:
        raise typer.BadParameter(
            "no folder of this machine can be written, and the app needs one for temporary files: let TMPDIR name one.",
            param_hint="the environment",
        ) from error
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        raise typer.BadParameter(
            f"cannot listen on {_bracketed(host)}:{port} ({reason}); choose another with --port."
        ) from error


def _offer(models: "list[Path]") -> None:
    """Show further models. Raises typer.BadParameter for what is no folder."""
    for folder in models:
        if not folder.expanduser().is_dir():
            raise typer.BadParameter(f"there is no folder {folder}.", param_hint="--models")
    from app import service

    service.offer(models)


def _run_on(device: str) -> None:
    """Choose the device of the models. Raises typer.BadParameter where there is none of that name."""
    from app import service

    try:
        service.run_on(device.strip() or "auto")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error


def _credentials(auth: str) -> tuple[str, str] | None:
    name, colon, password = auth.partition(":")
    return (name, password) if name and colon and password else None


def command() -> None:
    """Run `python -m app`, or another of its commands, like `python -m app talk FILE.pdf`."""
    other = OTHERS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if other is None:
        return typer.run(main)
    del sys.argv[1]
    typer.run(importlib.import_module(other).main)


if __name__ == "__main__":
    command()
