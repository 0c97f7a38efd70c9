"""Whatever can be evaluated, behind one protocol: a :class:`~embedworks.evaluation.encoder.Subject`.

PATH, ORGANISATION/NAME            an embedder folder, or one of sentence-transformers or Hugging Face
http://HOST:PORT/v1#MODEL          a model behind an endpoint that speaks OpenAI's embeddings API
st:PATH, st:ORGANISATION/NAME      sentence-transformers itself, whatever modules the model has
python:MODULE:FUNCTION             a function of texts to an array
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedworks.embedder import EmbedderSettings
from embedworks.errors import InputError, first_line
from embedworks.evaluation.encoder import Subject, Vectors
from embedworks.evaluation.endpoint import Endpoint
from embedworks.folder import load_embedder, refuse_pickles, resolve_model, weights_digest
from embedworks.inference.engine import Engine
from embedworks.nn.precision import Precision

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROBE = "a probe"  # embedded once, to learn how many dimensions there are


@dataclass(frozen=True)
class Access:
    """What a model's name does not say.

    Attributes:
        api_key: Of an endpoint.
        prompts: Name -> text put in front; they replace the model's own of that name. mteb's names: query,
            document, a task, a type of task, or ``TASK-query``.
        max_length: Tokens a text is cut to, where the model reads more; None for all it reads.
    """

    api_key: str | None = field(default=None, repr=False)
    prompts: Mapping[str, str] = field(default_factory=dict)
    max_length: int | None = None

    def cut(self, most: int) -> int:
        """Longest input of a model that reads ``most`` tokens."""
        return min(most, self.max_length or most)

    def revision(self, digest: str) -> str:
        """Tells a model that is cut from one that reads on: results of either are kept by it."""
        return digest[:12] + (f"-{self.max_length}" if self.max_length else "")


def open_subject(model: Path | str, precision: Precision, access: Access) -> Subject:
    """What is to be evaluated, by its name.

    Args:
        model: A path, or one of the forms above.
        precision: Of our inference engine; others compute as they are.
        access: The key of an endpoint, and prompts.

    Raises:
        InputError: for a model that is not there, does not answer, or gives no vectors, and for one whose
            inputs cannot be cut.
    """
    name = str(model)
    if is_folder(name):
        return _folder(resolve_model(model), precision, access)
    if name.startswith("st:"):
        return _sentence_transformer(name.removeprefix("st:"), access)
    if access.max_length:
        raise InputError(
            f"what {name} reads cannot be cut to {access.max_length} tokens",
            expected="a folder or st:PATH, whose tokenizer is here",
        )
    if name.startswith("python:"):
        return _function(name.removeprefix("python:"), access.prompts)
    return _endpoint(name, access)


def is_folder(model: str) -> bool:
    """Whether a name is a folder's or a hub's, as opposed to the other forms."""
    return not model.startswith(("st:", "python:", "http://", "https://"))


def _folder(folder: Path, precision: Precision, access: Access) -> Subject:
    refuse_pickles(folder)
    embedder = load_embedder(folder)
    most = access.cut(embedder.settings.max_length)
    embedder.settings = embedder.settings.model_copy(update={"max_length": most})
    engine = Engine(embedder, precision)
    return Subject(
        engine=engine,
        settings=_prompted(embedder.settings, access.prompts),
        name=folder.resolve().name,
        revision=access.revision(weights_digest(folder)),
        precision={"fp32": "float32", "bf16": "bfloat16"}[engine.precision],
        full_pair=embedder.full_pair,
        folder=folder,
    )


def _sentence_transformer(name: str, access: Access) -> Subject:
    from sentence_transformers import SentenceTransformer

    folder = resolve_model(name)
    refuse_pickles(folder)
    try:
        model = SentenceTransformer(str(folder), local_files_only=True)
    except Exception as error:  # it raises a dozen kinds for a broken folder
        raise InputError(f"sentence-transformers cannot load {folder}: {first_line(error)}") from error
    model.max_seq_length = access.cut(model.max_seq_length or 512)
    similarity: Literal["cosine", "dot"] = "dot" if model.similarity_fn_name == "dot" else "cosine"
    settings = EmbedderSettings(
        normalize=similarity == "cosine",
        similarity=similarity,
        max_length=model.max_seq_length,
        prompts={key: text for key, text in model.prompts.items() if text},
    )
    function = _of_sentence_transformer(model)
    revision = access.revision(weights_digest(folder))
    return _of_function(function, folder.name, revision, settings, access.prompts, "st")


def _of_sentence_transformer(model: SentenceTransformer) -> Callable[[list[str], str], Any]:
    def encode(texts: list[str], prompt: str) -> Any:
        return model.encode(texts, prompt=prompt or None, show_progress_bar=False)

    return encode


def _function(place: str, prompts: Mapping[str, str]) -> Subject:
    module_name, _, name = place.partition(":")
    if str(Path.cwd()) not in sys.path:  # a command is not started as `python -m`, which would add it
        sys.path.append(str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"cannot import the function of python:{place}: {first_line(error)}",
            expected="python:MODULE:FUNCTION",
            name=name,
            known=vars(sys.modules[module_name]) if module_name in sys.modules else (),
        ) from error
    revision = hashlib.sha256(inspect.getsource(module).encode()).hexdigest()[:12]
    encode = lambda texts, prompt: function([prompt + text for text in texts])  # noqa: E731
    return _of_function(encode, place.replace(":", "."), revision, EmbedderSettings(), prompts, "python")


def _endpoint(address: str, access: Access) -> Subject:
    endpoint = Endpoint.open(address, access.api_key)
    settings = EmbedderSettings(
        similarity=endpoint.about.get("similarity", "cosine"),
        normalize=endpoint.about.get("similarity", "cosine") == "cosine",
        max_length=endpoint.about.get("max_length", 512),
        prompts={name: name for name in endpoint.prompt_names},  # the server has the texts
    )
    dimensions = endpoint.encode([PROBE]).shape[1]
    return Subject(
        engine=endpoint,
        settings=_prompted(settings, access.prompts),
        name=endpoint.model,
        revision=hashlib.sha256(f"{endpoint.url} {endpoint.created}".encode()).hexdigest()[:12],
        precision="served",
        full_pair=(int(endpoint.about.get("layers", 0)), dimensions),
        maker="endpoint",
    )


def _of_function(
    encode: Callable[[list[str], str], Any],
    name: str,
    revision: str,
    settings: EmbedderSettings,
    prompts: Mapping[str, str],
    maker: str,
) -> Subject:
    engine = FunctionEncoder(encode, name)
    return Subject(
        engine=engine,
        settings=_prompted(settings, prompts),
        name=name,
        revision=revision,
        full_pair=(0, engine.encode([PROBE]).shape[1]),
        maker=maker,
    )


class FunctionEncoder:
    """A function of (texts, prompt) as the protocol wants it, with its answers checked.

    Args:
        function: Texts and the prompt in front of them -> ``(N, D)`` of anything that NumPy reads.
        name: For messages.
    """

    def __init__(self, function: Callable[[list[str], str], Any], name: str) -> None:
        self._function = function
        self.name = name

    def encode(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        layers: int | None = None,
        dimensions: int | None = None,
    ) -> Vectors:
        """``(N, d)`` vectors of the texts.

        Raises:
            InputError: if the function gives anything but one row of finite numbers a text.
        """
        assert layers is None, "its pair has no layers"
        vectors_ND = np.asarray(self._function(list(texts), prompt), dtype=np.float32)
        if vectors_ND.ndim != 2 or len(vectors_ND) != len(texts):
            raise InputError(
                f"{self.name} gives an array of shape {vectors_ND.shape} for {len(texts)} texts",
                expected=f"({len(texts)}, dimensions)",
            )
        if not np.isfinite(vectors_ND).all():
            raise InputError(f"{self.name} gives numbers that are not finite", expected="finite vectors")
        return vectors_ND[:, :dimensions]


def _prompted(settings: EmbedderSettings, prompts: Mapping[str, str]) -> EmbedderSettings:
    return settings.model_copy(update={"prompts": {**settings.prompts, **prompts}})
