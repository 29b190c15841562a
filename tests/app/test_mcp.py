"""The endpoints as tools of agents, asked by the protocol's own client."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import tiny

from app.__main__ import speaks_mcp, start
from app.page import ENDPOINTS


async def asked(address: str, *calls: tuple[str, dict[str, Any]]) -> tuple[dict[str, Any], list[Any]]:
    """The tools by name, and the answers to some calls."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async with (
        streamable_http_client(f"{address}/gradio_api/mcp/") as (reading, writing, _),
        ClientSession(reading, writing) as client,
    ):
        await client.initialize()
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        return tools, [await client.call_tool(name, given) for name, given in calls]


def test_agents_find_the_endpoints_and_are_answered_as_programs_are(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.surround(monkeypatch, models)
    assert not speaks_mcp()
    monkeypatch.delenv("GRADIO_MCP_SERVER")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    page = start("127.0.0.1", port)
    try:
        known, unknown = {"data": "signs", "model": "standard"}, {"data": "signs", "model": "nobody"}
        calls = asked(f"http://127.0.0.1:{port}", ("robustness", known), ("robustness", unknown))
        with ThreadPoolExecutor(1) as other:  # a process that has driven a browser is inside a loop
            tools, (told, refused) = other.submit(asyncio.run, calls).result()
    finally:
        page.close()
    assert set(tools) == set(ENDPOINTS)
    assert set(tools["perturb"].inputSchema["properties"]) == {"image", "data", "model", "attack", "target", "epsilon"}
    assert "universal perturbation" in tools["perturb"].description
    assert not told.isError
    assert "breaks_at" in told.content[0].text
    assert refused.isError
    assert "signs/standard" in refused.content[0].text
