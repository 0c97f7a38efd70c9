"""Tiny model folders that differ as checkpoints in the wild do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from helpers.tiny import WORDS, tiny_tokenizer


def tiny_llama(
    folder: Path, seed: int = 0, *, layers: int = 3, words: tuple[str, ...] = WORDS, **config: Any
) -> Path:
    """A random causal language model with its tokenizer."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer(words)
    values: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 32,
        "tie_word_embeddings": False,
    }
    LlamaForCausalLM(LlamaConfig(**values | config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def weights(folder: Path, file: str = "model.safetensors") -> dict[str, torch.Tensor]:
    """All tensors of a folder's file."""
    return load_file(folder / file)


def rewrite(folder: Path, change: Any, file: str = "model.safetensors") -> None:
    """Replace a folder's tensors by what ``change`` makes of them."""
    save_file({k: v.contiguous() for k, v in change(weights(folder, file)).items()}, folder / file)


def set_config(folder: Path, **values: Any) -> None:
    """Change keys of ``config.json``."""
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))
