"""The weights of a folder: safetensors, never pickles."""

from __future__ import annotations

import hashlib
from pathlib import Path

from embedworks.errors import InputError

PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


def refuse_pickles(folder: Path) -> None:
    """Stop before a pickle is opened, and where there are no weights at all.

    Raises:
        InputError: unless the folder holds safetensors.
    """
    if not folder.is_dir():
        raise InputError(f"no model folder at {str(folder)!r}", expected="a folder")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(file.name for pattern in PICKLES for file in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{folder / pickles[0]} is a pickle, which can run code when it is opened",
            expected="safetensors; convert it with `safetensors.torch.save_file` where you trust it",
        )
    raise InputError(f"no weights in {folder}", expected="model.safetensors")


def weights_digest(folder: Path) -> str:
    """SHA-256 over the folder's safetensors files, in name order."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.safetensors")):
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()
