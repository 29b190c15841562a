"""Pushing a Space to the Hub. What goes wrong there is one sentence."""

import re
from pathlib import Path
from typing import Any

from app.edition.export.folder import SIGN

FRESH = {".gitattributes", "README.md", "index.html", "style.css", SIGN}
"""What an empty Space holds, and by what one of ours is known."""
HARDWARE = {"gradio": "zero-a10g"}
"""What a Space runs on where the usual hardware takes a paid plan: a free account can have two on ZeroGPU."""


def check(name: str) -> None:
    """Raises ValueError for what is no OWNER/NAME, PermissionError without a token."""
    from huggingface_hub import get_token
    from huggingface_hub.utils import validate_repo_id

    try:
        if name.count("/") != 1:
            raise ValueError
        validate_repo_id(name)
    except ValueError as error:
        raise ValueError(
            f"--push takes OWNER/NAME in letters, digits, hyphens, underscores and dots, and {name!r} was given."
        ) from error
    if not get_token():
        raise PermissionError("Pushing takes a token that may write: set HF_TOKEN, or log in with: hf auth login")


def address(name: str, sdk: str) -> str:
    """Where a Space is found, without the Hub around it."""
    return f"https://{re.sub(r'[^a-z0-9]+', '-', name.lower())}.{'static.' if sdk == 'static' else ''}hf.space"


def push(folder: Path, name: str, sdk: str) -> str:
    """Make the Space hold what the folder holds; returns its address on the Hub.

    Raises FileExistsError where it holds what this command has not written, ConnectionError where the Hub refuses or
    cannot be reached.
    """
    from huggingface_hub import HfApi, errors

    api: Any = HfApi()
    unreached: Any = (OSError, getattr(errors, "HTTPError", OSError))
    try:
        if api.repo_exists(name, repo_type="space"):
            _refuse(name, set(api.list_repo_files(name, repo_type="space")))
        else:
            api.create_repo(name, repo_type="space", space_sdk=sdk, space_hardware=HARDWARE.get(sdk))
        api.upload_folder(
            repo_id=name,
            repo_type="space",
            folder_path=folder,
            commit_message="PlainSight",
            delete_patterns="*",  # what an earlier one held and this one does not
        )
    except FileExistsError:
        raise
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "")
        why = error.server_message or "no reason given"
        why = "the token may not write there" if status in (401, 403, 404) else why
        raise ConnectionError(f"The Hub refused to take {name} ({status}: {why}).") from error
    except unreached as error:
        kind = type(error).__name__
        raise ConnectionError(f"The Hub cannot be reached ({kind}); {folder} is ready to push.") from error
    return f"https://huggingface.co/spaces/{name}"


def _refuse(name: str, held: set[str]) -> None:
    if SIGN not in held and (others := sorted(held - FRESH)):
        raise FileExistsError(f"{name} holds other files, like {others[0]}; name a Space that is empty or new.")
