"""Whole embedders from folders, and into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from embedworks.embedder import Embedder
from embedworks.errors import InputError, first_line
from embedworks.folder.heads import load_pooler, load_projection
from embedworks.folder.modules import POOLING, write_modules
from embedworks.folder.settings import read_lineage, read_settings, write_settings
from embedworks.folder.tokenizers import load_tokenizer
from embedworks.folder.weights import refuse_pickles
from embedworks.nn.pooling import LEARNED

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_embedder(folder: Path) -> Embedder:
    """Read an embedder folder, a sentence-transformers folder or a Hugging Face folder.

    Raises:
        InputError: for a folder without readable safetensors, config or tokenizer.
    """
    refuse_pickles(folder)
    return _open(folder, _encoder)


def outline_embedder(folder: Path) -> Embedder:
    """The embedder of a folder without its encoder's weights, to be asked for its sizes.

    Raises:
        InputError: for a folder without config or tokenizer.
    """
    return _open(folder, _outline)


def save_embedder(embedder: Embedder, folder: Path) -> Path:
    """Write ``embedder`` so that we, sentence-transformers and transformers can open it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _quiet():
        embedder.encoder.save_pretrained(folder)
    embedder.tokenizer.save_pretrained(folder)
    write_modules(embedder, folder)
    write_settings(folder, embedder.settings, embedder.lineage)
    return folder


def _open(folder: Path, read: Callable[[Path], PreTrainedModel]) -> Embedder:
    _know_own_models()
    settings, projection_folder = read_settings(folder)
    try:
        encoder = read(folder)
    except Exception as error:  # transformers raises a dozen kinds for a broken folder
        raise InputError(f"cannot read the model in {folder}: {first_line(error)}") from error
    projection = load_projection(projection_folder) if projection_folder else None
    pooler = load_pooler(folder / POOLING, settings.pooling) if settings.pooling in LEARNED else None
    return Embedder(encoder, load_tokenizer(folder), settings, projection, read_lineage(folder), pooler)


def _encoder(folder: Path) -> PreTrainedModel:
    from transformers import AutoModel

    with _quiet():
        encoder: PreTrainedModel = AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,  # unset, transformers asks on the terminal
        )
    if getattr(encoder, "pooler", None) is not None:
        encoder.register_module("pooler", None)  # no pooler here reads it, and ZeRO would carry it along
    return encoder


def _outline(folder: Path) -> PreTrainedModel:
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with torch.device("meta"):
        encoder: PreTrainedModel = AutoModel.from_config(config, trust_remote_code=False)
    return encoder


def _know_own_models() -> None:
    """Import the platform's own kinds of encoders, which tells transformers of them."""
    import embedworks.nn.recurrent
    import embedworks.nn.two_towers  # noqa: F401


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' bars, and its report on the BERT pooler that is dropped anyway."""
    from transformers.utils import logging as transformers_logging

    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
