"""Puts an exported model on a hub. The token comes from the environment, and is never told."""

from __future__ import annotations

import os
from pathlib import Path

from muze.core.errors import MuzeError

FILES = ("muze.json", "*.safetensors", "README.md")
"""What a hub gets of a folder."""


def hub_token() -> str:
    """Return the token in HF_TOKEN.

    Raises:
        MuzeError: there is none.
    """
    if token := os.environ.get("HF_TOKEN", "").strip():
        return token
    raise MuzeError(
        "--push needs a token that may write, in the environment variable HF_TOKEN "
        "(huggingface.co/settings/tokens)"
    )


def push(folder: Path, name: str, token: str) -> str:
    """Put a model folder on a hub as ``USER/NAME``, and return its address there.

    HF_ENDPOINT is the hub's address, where it is set.

    Raises:
        MuzeError: the hub refuses the token or the name, or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        HfHubHTTPError,
        HFValidationError,
        HTTPError,  # of the library that it asks the hub with
    )

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    try:
        address = api.create_repo(name, exist_ok=True)
        api.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=list(FILES),
            commit_message="Model exported by muze",
        )
    except HFValidationError:
        raise MuzeError(f"--push {name}: should be like USER/NAME") from None
    except HfHubHTTPError as fault:
        status = fault.response.status_code
        why = {
            401: "it does not know the token in HF_TOKEN",
            403: f"the token in HF_TOKEN may not write {name}",
        }.get(status, str(fault).splitlines()[0].replace(token, "..."))
        raise MuzeError(f"--push {name}: the hub refuses ({status}): {why}") from None
    except (HTTPError, OSError) as fault:
        told = str(fault).replace(token, "...") or type(fault).__name__
        raise MuzeError(f"--push {name}: {api.endpoint} cannot be reached: {told}") from None
    return str(address)
