"""The embedder folder: safetensors + tokenizer + settings, and a valid sentence-transformers folder.

    model.safetensors  config.json          the encoder, as transformers saves it
    tokenizer.json  tokenizer_config.json   its tokenizer
    modules.json  1_Pooling/  2_Dense/ ...  what sentence-transformers reads; a learned pooler's weights
    embedworks.json                         settings (pooling, pairs, prompts, ...) and lineage

Folders without ``embedworks.json`` are read from their sentence-transformers files, and plain Hugging
Face folders get mean pooling. Pickled weights are refused: loading one runs whatever is inside it.

Rooms: ``finding`` (from a name to a folder), ``embedders`` (the whole), and its parts: ``settings``,
``modules``, ``heads``, ``tokenizers``, ``weights``.
"""

from embedworks.folder.embedders import load_embedder, outline_embedder, save_embedder
from embedworks.folder.finding import PACKAGED_MODELS, resolve_model
from embedworks.folder.heads import load_pooler, load_projection, save_pooler, save_projection
from embedworks.folder.settings import (
    IMAGE_FOLDER,
    SETTINGS_FILE,
    common_settings,
    has_image_tower,
    read_lineage,
    read_settings,
    write_settings,
)
from embedworks.folder.tokenizers import TOKENIZER_FILES, load_tokenizer
from embedworks.folder.weights import PICKLES, refuse_pickles, weights_digest

__all__ = [
    "IMAGE_FOLDER",
    "PACKAGED_MODELS",
    "PICKLES",
    "SETTINGS_FILE",
    "TOKENIZER_FILES",
    "common_settings",
    "has_image_tower",
    "load_embedder",
    "load_pooler",
    "load_projection",
    "load_tokenizer",
    "outline_embedder",
    "read_lineage",
    "read_settings",
    "refuse_pickles",
    "resolve_model",
    "save_embedder",
    "save_pooler",
    "save_projection",
    "weights_digest",
    "write_settings",
]
