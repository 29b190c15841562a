"""What whoever hosts the app may set by environment variables; read and checked once, at the start."""

import importlib.util
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = "127.0.0.0/8, ::1"
ANY = "*"


@dataclass(frozen=True)
class Settings:
    """The settings of one server; `docs/how-to/host.md` has a table of them."""

    origins: tuple[str, ...] = ()
    """Other sites whose pages may use this server in their visitors' browsers."""
    frames: tuple[str, ...] = (ANY,)
    """Sites that may show the app in a frame."""
    proxies: tuple[Network, ...] | None = None
    """Who may tell a visitor's address and protocol by X-Forwarded-*; None means everybody."""
    run_seconds: int = 600
    """The most seconds that a run may take."""
    runs_per_address: int = 16
    """Runs from one network address that may wait at the same time."""
    metrics: tuple[Network, ...] | None = ()
    """Who may read figures at /metrics; None means everybody."""
    on_hub: bool = False
    """Whether this is a Space, which is shown in a frame of another site."""


def read(environment: Mapping[str, str] = os.environ, private: bool = False) -> Settings:
    """The settings that the environment names; `private` where visitors need a password.

    Raises ValueError with one sentence that names the variable, what was given and what fits.
    """
    on_hub = bool(environment.get("SPACE_ID"))
    usual: dict[str, Any] = {
        "PLAINSIGHT_FRAMES": "" if private and not on_hub else ANY,
        "PLAINSIGHT_PROXIES": ANY if on_hub else LOOPBACK,
    }

    def given(name: str) -> list[str]:
        text = environment.get(name, usual.get(name, ""))
        return [part for part in text.replace(",", " ").split() if part]

    proxies, metrics = given("PLAINSIGHT_PROXIES"), given("PLAINSIGHT_METRICS")
    if metrics and importlib.util.find_spec("prometheus_client") is None:
        raise ValueError("PLAINSIGHT_METRICS needs a package: pip install 'plainsight[metrics]'.")
    return Settings(
        origins=tuple(_origin("PLAINSIGHT_ORIGINS", part) for part in given("PLAINSIGHT_ORIGINS")),
        frames=tuple(
            part if part == ANY else _origin("PLAINSIGHT_FRAMES", part) for part in given("PLAINSIGHT_FRAMES")
        ),
        proxies=None if ANY in proxies else tuple(_network("PLAINSIGHT_PROXIES", part) for part in proxies),
        run_seconds=_number(environment, "PLAINSIGHT_RUN_SECONDS", 600, 10, 86_400),
        runs_per_address=_number(environment, "PLAINSIGHT_RUNS_PER_ADDRESS", 16, 1, 32),
        metrics=None if ANY in metrics else tuple(_network("PLAINSIGHT_METRICS", part) for part in metrics),
        on_hub=on_hub,
    )


def _origin(name: str, given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or given.count("/") != 2 or "'" in given:
        raise ValueError(f"{name} takes sites like https://example.org, and {given!r} was given.")
    return given.lower()


def _network(name: str, given: str) -> Network:
    try:
        return ipaddress.ip_network(given)
    except ValueError as error:
        raise ValueError(f"{name} takes addresses or networks like 10.0.0.0/8, and {given!r} was given.") from error


def _number(environment: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    given = environment.get(name, str(usual)).strip()
    if not (given.isascii() and given.isdecimal() and len(given) < 9 and least <= int(given) <= most):
        raise ValueError(f"{name} is a whole number from {least:,} to {most:,}, and {given!r} was given.")
    return int(given)
