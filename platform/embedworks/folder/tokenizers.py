"""The tokenizer of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embedworks.errors import InputError, first_line
from embedworks.folder.json_files import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)
PLAIN_TOKENIZERS = ("PreTrainedTokenizerFast", "TokenizersBackend")  # what tokenizer.json says, and no more


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model folder, without its weights.

    Raises:
        InputError: if there is none.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        # transformers would make up an empty tokenizer, and the model would embed nothing but unknowns.
        raise InputError(f"no tokenizer in {folder}", expected=f"one of {', '.join(TOKENIZER_FILES)}")
    # A model's own class may have rules of its own, which it would put in place of those of the file.
    named = read_json(folder / "tokenizer_config.json").get("tokenizer_class")
    plain = named in PLAIN_TOKENIZERS and (folder / TOKENIZER_FILES[0]).is_file()
    kind = PreTrainedTokenizerFast if plain else AutoTokenizer
    try:
        tokenizer: PreTrainedTokenizerBase = kind.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:
        raise InputError(f"cannot read the tokenizer in {folder}: {first_line(error)}") from error
    if tokenizer.pad_token is None:
        # Decoders often come without one. Padding is masked wherever it is read, so any token serves.
        tokenizer.pad_token = (
            tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
        )
    return tokenizer
