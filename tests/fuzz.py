"""How often what comes from outside is varied: some times in the tests, PLAINSIGHT_FUZZ times by `make fuzz`."""

import copy
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

COUNT = os.environ.get("PLAINSIGHT_FUZZ", "")


def often(few: int) -> settings:
    """So many examples, always the same ones; by `make fuzz` as many as it says, other ones each time."""
    return settings(
        max_examples=int(COUNT or few),
        deadline=None,
        derandomize=not COUNT,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def damaged(draw: Any, seeds: list[bytes]) -> bytes:
    """One of these files with some of its bytes changed, cut out, doubled, or put in; or bytes without any order."""
    content = bytearray(draw(st.sampled_from(seeds)))
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    for _ in range(draw(st.integers(1, 4))):
        # near the front, where the heads of files are, as often as anywhere
        place = draw(st.integers(0, min(len(content), draw(st.sampled_from([64, 400, 10**9])))))
        length = draw(st.integers(1, 8))
        kind = draw(st.sampled_from(["change", "change", "cut", "insert", "double", "end"]))
        if kind == "change":
            content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == "cut":
            del content[place : place + length]
        elif kind == "insert":
            content[place:place] = draw(st.binary(max_size=length))
        elif kind == "double":
            content[place:place] = content[place : place + length]
        else:
            del content[place:]
    return bytes(content)


def in_a_sentence(error: BaseException) -> None:
    """What is refused is refused in words: one that is not empty and no list of calls."""
    words = str(error)
    assert words.strip()
    assert "Traceback" not in words


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**20) | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Whatever JSON can hold."""


@st.composite
def altered(draw: Any, content: dict[str, Any]) -> dict[str, Any]:
    """The content of a JSON file, one to three of whose values, at any depth, are others or are gone."""
    whole = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        at: Any = whole
        while isinstance(at, dict | list) and at:
            key = draw(st.sampled_from(sorted(at))) if isinstance(at, dict) else draw(st.integers(0, len(at) - 1))
            if isinstance(at[key], dict | list) and at[key] and draw(st.booleans()):
                at = at[key]
                continue
            if draw(st.integers(0, 3)) == 0:
                del at[key]
            else:
                at[key] = draw(json_values)
            break
    return whole
