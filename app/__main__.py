"""The command that starts the app: `plainsight app`, or `python -m app`."""

import importlib
import importlib.util
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.service import RunRegistry

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
    inbrowser: Annotated[bool, typer.Option(help="Open the page in the default browser.")] = False,
) -> None:
    """Start the app and print its address; Ctrl+C stops it.

    `python -m app talk FILE.pdf` prints the talk with its notes; `python -m app export FOLDER` writes the app as plain
    files, which need no server.
    """
    host = host.strip("[]")
    _check(host, port, auth)
    _offer(models or [])
    os.environ.pop("GRADIO_SERVER_NAME", None)  # already read; Gradio would bind an IPv4 socket to it
    logging.getLogger("httpx").setLevel(logging.WARNING)
    start(host, port, root_path=root_path or None, auth=_credentials(auth), inbrowser=inbrowser)
    from app.page import warm_up

    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    print(f"PlainSight is at http://{_bracketed(near)}:{port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("Stopped.")


def start(host: str, port: int, **options: Any) -> Any:
    """Start the page and return it (`gradio.Blocks`, which `.close()` ends); Gradio's `launch` takes `options`."""
    from app import preview, service, theme
    from app.edition.route import serve
    from app.intake import Intake
    from app.page import build, in_a_loop

    runs = service.RunRegistry()
    page = build(runs)
    settings: dict[str, Any] = {"server_name": _bracketed(host), "server_port": port, **theme.look()}
    settings |= safe_settings(runs)
    app, _, _ = in_a_loop(lambda: page.launch(**settings, **options))
    intake = Intake(app)
    routes: list[tuple[str, Any, str]] = [("/healthz", service.health, "GET"), ("/preview.png", preview.picture, "GET")]
    routes += [("/pictures", intake.picture, "POST"), ("/pictures/frame", intake.frame, "POST")]
    for path, answer, method in routes:
        app.add_api_route(path, answer, methods=[method])
        app.router.routes.insert(0, app.router.routes.pop())  # before Gradio's own catch-all
    serve(app)
    return page


def _bracketed(host: str) -> str:
    """The host as in a URL, with an IPv6 address in brackets; Gradio expects this form too."""
    return f"[{host}]" if ":" in host else host


def safe_settings(runs: "RunRegistry") -> dict[str, Any]:
    """Settings of `launch`: no telemetry, no access to files outside the app, no internals in errors."""
    from starlette.middleware import Middleware

    from app.presence import Presence
    from app.preview import Preview
    from app.theme import STATIC

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
        "footer_links": ["api"],
        "mcp_server": speaks_mcp(),
        "prevent_thread_lock": True,
        "quiet": True,
        "favicon_path": STATIC / "favicon.png",
        "app_kwargs": {"middleware": [Middleware(Presence, runs=runs), Middleware(Preview)]},
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
