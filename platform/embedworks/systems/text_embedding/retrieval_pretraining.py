"""Pre-training tasks for embedding-based retrieval: ICT, BFS and WLP (arXiv 2002.03932).

A two-tower retriever learns from linked pages, without a label, which passage a sentence belongs to; few
labelled pairs then fine-tune it. ``f(q, d) = <phi(q), psi(d)>``, the plain inner product, and the loss is a
softmax over all documents, estimated from those of the global batch. Three objectives:

- ``retrieval-pretraining``: pairs of the three tasks, mixed in every batch; each alone by ``tasks``.
- ``retrieval-pretraining/mlm``: masked language modelling on the same pages, what it is compared with.
- ``retrieval-pretraining/finetune``: the same loss on labelled pairs; queries and documents both learn.

When to use it: there are pages with sections and links and hardly any labelled question, and documents are
to be found by meaning; or an embedder from nothing is wanted that a few pairs can fine-tune.

No official code was found. Decided where the paper leaves it open:

- Towers share all weights (``tie_towers: false`` shares none). What tells the two apart then is the
  tokenizer's mask token in front of queries, which the exported model has as its prompt of queries.
- Documents are ``title [SEP] passage`` for all tasks, unless ``title`` says otherwise.
- Q(d) is exact: how likely a draw is to give passage d, over all tasks (in fine-tuning, its share of the
  pairs). Passages of one text are one document, and one that lacks a sentence is still that passage.
- Of ICT a passage is drawn uniformly, then a sentence; of BFS and WLP a page first. Sections become
  passages sentence by sentence, of at most ``document_length`` tokens with a typical title.
- In the bag of words the inner layer has the tanh, and special tokens count as words.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.losses.contrastive import Ranking
from embedworks.losses.sampled_softmax import sampled_softmax_loss
from embedworks.nn.bag_of_words import BagOfWords, BagOfWordsConfig
from embedworks.nn.bert import new_bert
from embedworks.nn.encoder import last_states
from embedworks.nn.mlm_head import MlmHead, masked_cross_entropy
from embedworks.nn.two_towers import TwoTowers, TwoTowersConfig
from embedworks.objective import ChunkedObjective, Losses, Objective, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.bpe import write_bpe
from embedworks.transforms.counted_pairs import CountedPairTransform, write_counts
from embedworks.transforms.linked_pages import PAIR_TASKS, LinkedPages, PairTask
from embedworks.transforms.page_pairs import PageMaskTransform, PagePairTransform
from embedworks.transforms.tokenizer import PortableTokenizer
from embedworks.transforms.transform import Batch, Transform

PAGES = "pages.parquet"
COUNTS = "counts.parquet"
TITLE_TOKENS = 8  # room for a title, its separator and the tokens round a text

# Shape legend: B pairs of this worker, T tokens, D width of an encoder, k dimensions of a vector.

# -- the towers --------------------------------------------------------------------------------------


class TowerConfig(ObjectiveConfig):
    """What is read of a text, and of what sizes a new model is; the latter count without a base only."""

    tie_towers: bool = Field(default=True, description="one encoder for queries and documents, or two")
    tower: Literal["transformer", "bag-of-words"] = Field(
        default="transformer", description="bag-of-words: the paper's baseline BoW-MLP"
    )
    pooling: Literal["cls", "mean"] = Field(
        default="cls", description="of a new model; cls: paper. A small one learns sooner to look with mean"
    )
    dimensions: int = Field(default=512, ge=1, description="k (paper: 512)")
    layers: int = Field(default=12, ge=1, description="BERT-base (paper)")
    width: int = Field(default=768, ge=8, description="BERT-base; also of the bag's word vectors")
    heads: int = Field(default=12, ge=1, description="BERT-base; divides the width")
    vocab_size: int = Field(default=30_522, ge=300, description="byte-level BPE tokens of a new model")
    max_length: int = Field(default=288, ge=8, description="tokens that a new model reads")
    query_length: int = Field(default=64, ge=4, description="tokens (paper: 64)")
    document_length: int = Field(default=288, ge=16, description="tokens (paper: 288)")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not divisible by heads {self.heads}")
        return self


def towers(config: TowerConfig, start: Start) -> Embedder:
    """The embedder to train: the base's towers, or new ones; both sides of it, whether tied or not.

    A base that was not made for inner products of raw vectors gets a new linear layer to k.
    """
    embedder = start.embedder() if start.base else Embedder(_new_encoder(config, start), start.tokenizer)
    settings = embedder.settings
    if (settings.normalize, settings.similarity) != (False, "dot") or not start.base:
        is_bag = isinstance(embedder.encoder, BagOfWords)
        embedder.projection = None if is_bag else nn.Linear(_width(embedder), config.dimensions)
        embedder.settings = EmbedderSettings(
            pooling="cls" if is_bag else config.pooling,
            normalize=False,
            similarity="dot",
            max_length=settings.max_length if start.base else config.max_length,
        )
    if config.tie_towers or isinstance(embedder.encoder, TwoTowers):
        return embedder
    return untie(embedder)


def untie(embedder: Embedder) -> Embedder:
    """Two towers that begin as copies of one; queries begin with the tokenizer's mask token from now on.

    Raises:
        InputError: for a tokenizer without one.
    """
    tokenizer = embedder.tokenizer
    if tokenizer.mask_token_id is None:
        raise InputError(
            "untied towers need a mask token, which begins queries", expected="a tokenizer with one"
        )
    encoder: Any = embedder.encoder
    config = TwoTowersConfig(
        tower=encoder.config.to_dict(),
        hidden_size=embedder.dimensions,
        mark=int(tokenizer.mask_token_id),
        pooling=embedder.settings.pooling,
    )
    both = TwoTowers(config)
    head = embedder.projection or _identity(embedder.dimensions)
    for side in ("query", "document"):
        both.towers[side].encoder.load_state_dict(copy.deepcopy(encoder.state_dict()))
        both.towers[side].head.load_state_dict(copy.deepcopy(head.state_dict()))
    settings = embedder.settings.model_copy(
        update={"pooling": "cls", "prompts": {"query": str(tokenizer.mask_token)}}
    )
    return Embedder(both, tokenizer, settings)


def query_prompt(config: TowerConfig, start: Start) -> str:
    """What is in front of queries: nothing, where one encoder reads both."""
    return "" if config.tie_towers else str(start.tokenizer.mask_token or "")


def limit_of(config: TowerConfig, start: Start) -> int:
    """The most tokens that the model reads."""
    return start.max_length if start.base else config.max_length


def _new_encoder(config: TowerConfig, start: Start) -> Any:
    vocabulary = len(start.tokenizer)
    if config.tower == "bag-of-words":
        sizes = {"embedding_size": config.width, "hidden_size": config.dimensions}
        return BagOfWords(BagOfWordsConfig(vocabulary, max_position_embeddings=config.max_length, **sizes))
    return new_bert(
        vocabulary=vocabulary,
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        max_length=config.max_length,
        pad_id=start.tokenizer.pad_token_id,
    )


def _width(embedder: Embedder) -> int:
    return int(embedder.encoder.config.hidden_size)


def _identity(width: int) -> nn.Linear:
    layer = nn.Linear(width, width)
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def write_pages(config: TowerConfig, start: Start, rows: Rows, folder: Path) -> None:
    """The pages with their passages and links and, without a base, a vocabulary of their texts."""
    if start.base is None:
        write_bpe(rows, config.vocab_size, config.max_length, folder)
    tokens = PortableTokenizer(Start(base=start.base, artifacts=folder).tokenizer)

    def measure(texts: list[str]) -> list[int]:
        return [len(ids) for ids in tokens.lists([f" {text}" for text in texts], None)]

    length = max(8, config.document_length - TITLE_TOKENS)
    LinkedPages.collect(rows(), length, measure).save(folder / PAGES)


# -- pre-training and fine-tuning ----------------------------------------------------------------------


class TwoTowerObjective(ChunkedObjective):
    """``loss = mean_i CE_i(<phi(q_i), psi(d_j)> - log Q(d_j))`` over the documents j of the global batch.

    Other places with the document of a query are no negatives of it.

    Args:
        config: See :class:`TowerConfig`.
        start: Base or artifacts.
    """

    def __init__(self, config: Any, start: Start) -> None:
        super().__init__(config, start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = towers(config, start)

    def represent(self, batch: Batch) -> Vectors:
        """Raw vectors of both sides.

        Args:
            batch: ``query_ids``, ``query_mask`` (B, T), ``document_ids``, ``document_mask`` (B, S).

        Returns:
            ``query`` and ``document`` (B, k) float32.
        """
        return {
            side: self.embedder_(batch[f"{side}_ids"], batch[f"{side}_mask"]).float()
            for side in ("query", "document")
        }

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        """Losses of a batch.

        Args:
            vectors: See :meth:`represent`.
            batch: ``document`` (B,), ``log_q`` (B,) and, in pre-training, ``task`` (B,).

        Returns:
            ``loss``, ``accuracy``: how many queries rank their own document first, and where tasks are
            mixed each one's share of the loss, as ``loss/ict``: its queries' mean.
        """
        found = sampled_softmax_loss(
            vectors["query"], vectors["document"], batch["document"], batch["log_q"]
        )
        first_B = found.scores_BN.argmax(1) == found.targets_B
        return {"loss": found.loss, "accuracy": first_B.float().mean(), **self._by_task(found, batch)}

    def embedder(self) -> Embedder:
        """Encoder and linear layer of both sides, compared by inner product."""
        return self.embedder_

    def _by_task(self, found: Ranking, batch: Batch) -> Losses:
        tasks = getattr(self.config, "tasks", ())
        if len(tasks) < 2:
            return {}
        each_B = nn.functional.cross_entropy(found.scores_BN.detach(), found.targets_B, reduction="none")
        parts = {}
        for task in tasks:
            own_B = batch["task"] == PAIR_TASKS.index(task)
            parts[f"loss/{task}"] = (each_B * own_B).sum() / own_B.sum().clamp(min=1)
        return parts


class RetrievalPretraining(TwoTowerObjective):
    """Pre-training on pairs of linked pages; see :class:`TwoTowerObjective`."""

    title = "Pre-training tasks for embedding-based large-scale retrieval"

    class Config(TowerConfig):
        """Keys of the job's ``objective:``."""

        tasks: tuple[PairTask, ...] = Field(
            default=PAIR_TASKS, min_length=1, description="each sample draws one of these"
        )
        title: Literal["ict", "all", "none"] = Field(
            default="all", description="tasks whose documents begin with the page's title"
        )
        keep_prob: float = Field(
            default=0.0, ge=0, le=1, description="how often the sentence of ICT stays in its passage"
        )

    config: Config

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Cut the pages into passages, join their links, and without a base learn a vocabulary.

        Raises:
            InputError: for a corpus without pages.
        """
        write_pages(config, start, rows, folder)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Rows with ``id``, ``title``, ``text``, ``sections`` and ``links``; each draws a pair.

        Raises:
            InputError: for a length that the model cannot read, or a task without a pair.
        """
        assert start.artifacts is not None
        titles: dict[str, tuple[PairTask, ...]] = {"all": PAIR_TASKS, "ict": ("ict",), "none": ()}
        return PagePairTransform(
            start.tokenizer,
            start.artifacts / PAGES,
            tasks=tuple(dict.fromkeys(config.tasks)),
            titles=titles[config.title],
            query_prompt=query_prompt(config, start),
            keep_probability=config.keep_prob,
            query_length=config.query_length,
            document_length=config.document_length,
            max_length=limit_of(config, start),
            seed=start.seed,
        )


class RetrievalFinetuning(TwoTowerObjective):
    """Fine-tuning on labelled pairs; see :class:`TwoTowerObjective`."""

    variant = "finetune"
    title = "Fine-tuning of a pre-trained two-tower retriever"

    class Config(TowerConfig):
        """Keys of the job's ``objective:``."""

    config: Config

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:  # noqa: ARG003
        """Count the documents, for Q."""
        write_counts((row["positive"] for row in rows()), folder / COUNTS)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Columns ``query`` and ``positive``, a candidate answer as ``sentence [SEP] passage``.

        Raises:
            InputError: for a length that the model cannot read.
        """
        assert start.artifacts is not None
        return CountedPairTransform(
            start.tokenizer,
            start.artifacts / COUNTS,
            query_length=config.query_length,
            document_length=config.document_length,
            max_length=start.max_length,
            query_prompt=query_prompt(config, start),
        )


# -- the baseline: masked language modelling -------------------------------------------------------------


class PageMlm(Objective):
    """Masked language modelling on the pages' passages, ``title [SEP] passage``; what ICT is compared with.

    The head is dropped, and the linear layer to k is as new. Two towers are made of it in the next stage.

    Args:
        config: See :class:`Config`.
        start: Base or artifacts.

    Raises:
        InputError: for towers that it cannot train.
    """

    variant = "mlm"
    title = "Masked language modelling on linked pages"

    class Config(TowerConfig):
        """Keys of the job's ``objective:``."""

        mask_rate: float = Field(default=0.15, gt=0, lt=1, description="share of tokens (BERT: 0.15)")

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        if config.tower != "transformer" or not config.tie_towers:
            raise InputError(
                "masked language modelling trains one transformer",
                expected="tower: transformer, tie_towers: true",
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = towers(config, start)
            encoder: Any = self.embedder_.encoder
            self.head = MlmHead(encoder.config.hidden_size, encoder.config.vocab_size)
        if self.embedder_.projection is not None:
            self.embedder_.projection.requires_grad_(False)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """As for the pairs."""
        write_pages(config, start, rows, folder)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Rows as for the pairs; each draws a passage, of ``document_length`` tokens."""
        assert start.artifacts is not None
        return PageMaskTransform(
            start.tokenizer,
            start.artifacts / PAGES,
            length=config.document_length,
            max_length=limit_of(config, start),
            rate=config.mask_rate,
            seed=start.seed,
        )

    def forward(self, batch: Batch) -> Losses:
        """``loss``: mean cross-entropy of the masked tokens.

        Args:
            batch: ``input_ids``, ``labels``, ``attention_mask`` (B, T).
        """
        encoder: Any = self.embedder_.encoder
        states_BTD: Tensor = last_states(encoder, batch["input_ids"], batch["attention_mask"])
        table_VD = encoder.get_input_embeddings().weight
        return {"loss": masked_cross_entropy(self.head, states_BTD, batch["labels"], table_VD)}

    def embedder(self) -> Embedder:
        """Encoder and linear layer."""
        return self.embedder_
