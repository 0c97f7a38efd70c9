"""Keystone 2: the objective, which is what a training step minimises. Every system is one.

An objective is a plain ``torch.nn.Module``: it runs in a unit test without Ray, DeepSpeed or MLflow.
The training engine gives it batches, wraps each of its phases in an optimizer, and saves what
:meth:`Objective.embedder` returns.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from embedworks.dual import DualEmbedder
from embedworks.embedder import Embedder
from embedworks.folder import load_embedder, load_tokenizer, read_settings
from embedworks.transforms.transform import Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Losses = dict[str, Tensor]
Vectors = dict[str, Tensor]
Rows = Callable[[], Iterator[dict[str, Any]]]


class ObjectiveConfig(BaseModel):
    """Base of every system's configuration: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Start:
    """Where training starts from. Paths only, so that it travels to any worker.

    Attributes:
        base: Folder of the embedder to start from; None to start from nothing.
        parents: Folders of the embedders to merge, in order (merge stages only).
        artifacts: Folder that :meth:`Objective.prepare` filled.
        seed: The stage's seed; initialisation and masking derive from it.
    """

    base: Path | None = None
    parents: tuple[Path, ...] = ()
    artifacts: Path | None = None
    seed: int = 0

    def embedder(self) -> Embedder:
        """Load the embedder to start from (a new copy at each call)."""
        return load_embedder(self._base())

    def dual(self) -> DualEmbedder:
        """Load the embedder of texts and images to start from (a new copy at each call)."""
        return DualEmbedder.load(self._base())

    def parent_embedders(self) -> Iterator[Embedder]:
        """Load the parents one after the other, so that they need not fit in memory together."""
        return (load_embedder(parent) for parent in self.parents)

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The base's tokenizer, or the one among the artifacts; weights are not read."""
        return load_tokenizer(self.tokenizer_folder)

    @property
    def tokenizer_folder(self) -> Path:
        """Where the tokenizer is: the base's folder, or the artifacts where there is no base."""
        return self.base or self._artifacts()

    @cached_property
    def max_length(self) -> int:
        """Longest input of the base, in tokens."""
        return read_settings(self._base())[0].max_length

    def _base(self) -> Path:
        if self.base is None:
            raise ValueError("this objective starts from an embedder: give the stage a `from:`")
        return self.base

    def _artifacts(self) -> Path:
        if self.artifacts is None:
            raise ValueError("nothing was prepared: neither a base nor artifacts")
        return self.artifacts


class Objective(nn.Module, ABC):
    """What a training step minimises.

    Subclass it once in ``systems/<family>/<slug>.py``. The class that answers to ``<slug>`` in a job
    has ``variant = ""``; a further objective of the same paper sets ``variant = "smae"`` and answers
    to ``<slug>/smae``.

    Attributes:
        Config: The pydantic model of the job's ``objective:`` block.
        variant: The part behind the slash in the job's ``system:``.
        title: The paper's short title, for the catalogue.
        prepared_by: Keys of ``Config`` that, beside the rows and the seed, decide what :meth:`prepare`
            writes: stages of a job or claim that agree on them prepare once. None: each its own.
        gathered: A context in which sharded parameters are whole. Plain torch needs none; the engine
            replaces it under ZeRO 3. Wrap it round reads of another phase's parameters.
    """

    Config: ClassVar[type[ObjectiveConfig]] = ObjectiveConfig
    variant: ClassVar[str] = ""
    title: ClassVar[str] = ""
    prepared_by: ClassVar[tuple[str, ...] | None] = None

    gathered: Callable[[Iterable[nn.Parameter]], AbstractContextManager[None]]

    def __init__(self, config: Any, start: Start) -> None:
        super().__init__()
        self.config = config
        self.start = start
        object.__setattr__(self, "gathered", _whole)

    @classmethod
    def prepare(cls, config: Any, start: Start, rows: Rows, folder: Path) -> None:
        """Make, once and before any worker starts, what training needs beside the corpus.

        A tokenizer for a model that starts from nothing, say. The default makes nothing.

        Args:
            config: This objective's config.
            start: The start, without artifacts yet.
            rows: Call it to iterate over the corpus's rows, in corpus order.
            folder: Where to write; it becomes ``start.artifacts``.
        """

    @classmethod
    @abstractmethod
    def transform(cls, config: Any, start: Start) -> Transform:
        """The transform from corpus rows to this objective's batches."""

    @abstractmethod
    def forward(self, batch: Batch) -> Losses:
        """Losses of one batch. ``loss`` is minimised; every other scalar is logged beside it."""

    def phases(self) -> Mapping[str, nn.Module]:
        """The parts that are optimised one after the other within a step, each with its optimizer.

        Most objectives have one, themselves. Otherwise each phase is a sub-module whose
        ``forward(batch)`` returns losses; tensors in them that are not scalars join the batch of the
        phases behind it. Phases share no parameters.
        """
        return {"main": self}

    def learning_rates(self) -> Mapping[str, float]:
        """Factors on the job's learning rate: pattern of parameter names -> factor.

        For the few parameters of a paper that learn faster or slower than the rest, such as a
        temperature. Patterns are those of file names (``text.*``), names those of
        ``named_parameters()`` of the objective; what no pattern matches has factor 1.
        """
        return {}

    def after_step(self, step: int) -> None:
        """Called after every optimizer step: EMA, forgetting, progressive targets."""

    def diagnostics(self) -> Mapping[str, float]:
        """Numbers about the state of training, logged with the losses."""
        return {}

    @abstractmethod
    def embedder(self) -> Embedder | DualEmbedder:
        """The embedder that is saved and served."""


class ChunkedObjective(Objective):
    """An objective whose loss compares samples, in two parts: vectors of each sample alone, then a loss.

    So a batch may be larger than what fits in memory at once (GradCache, Gao et al., arXiv 2101.06983):
    the engine represents it chunk by chunk without a graph, takes the loss and its gradient at the
    vectors, and represents every chunk again to carry that gradient on to the parameters. The gradient
    is the exact one. A job asks for it with ``chunk_size``.
    """

    @abstractmethod
    def represent(self, batch: Batch) -> Vectors:
        """Vectors of samples, of which none depends on another sample of the batch.

        Returns:
            Name -> ``(B * k, ...)``, where each of the B samples brings the same k rows, in order.
        """

    @abstractmethod
    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        """Losses of a whole batch from its vectors; it may have parameters of its own.

        Args:
            vectors: What :meth:`represent` gives for the batch.
            batch: The batch, for labels or scores.
        """

    def forward(self, batch: Batch) -> Losses:
        """Both parts at once."""
        return self.compare(self.represent(batch), batch)


def run_phases(objective: Objective, batch: Batch) -> Iterator[tuple[str, Losses]]:
    """Run the phases in order, each one's tensors joining the batch of the next.

    The caller takes the optimizer step of a phase between two items, so a later phase sees the
    updated parameters of the earlier ones.
    """
    yield from run_modules(objective.phases(), batch)


def run_modules(modules: Mapping[str, Callable[[Batch], Losses]], batch: Batch) -> Any:
    """:func:`run_phases` for modules that need not be those of an objective."""
    for name, module in modules.items():
        losses, carried = split_losses(module(batch))
        yield name, losses
        batch = {**batch, **carried}


def split_losses(given: Losses) -> tuple[Losses, Batch]:
    """What a phase returned, as its scalars and as the tensors that join the next phase's batch."""
    scalars = {key: value for key, value in given.items() if value.ndim == 0}
    return scalars, {key: value for key, value in given.items() if value.ndim > 0}


@contextlib.contextmanager
def _whole(_parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    yield
