"""DefSent+: a definition predicts its entry among all entries of a dictionary (arXiv 2405.16153).

An entry's vector is the mean of a frozen encoder's vectors of its definitions, so that an entry may be of
one word or of several, and nothing of it is trained. A sentence encoder is trained to have each
definition nearest to its own entry. Then it makes the entries' vectors of the next round, which are more
evenly spread than those before. A round is a stage of a job; its ``teacher`` makes the vectors.

- ``defsent-plus``: one round.
- ``defsent-plus/defsent``: what it is compared with (DefSent, arXiv 2105.04339): a definition predicts its
  headword among the tokens of the model, by their frozen embeddings. Other headwords cannot be used.
- ``defsent-plus/mlm``: masked language modelling of a new BERT, whose vocabulary has headwords as whole
  tokens, and whose prediction layer is its token embeddings alone: the one that DefSent then freezes.

``POST /v1/tasks/reverse-dictionary`` finds entries of an index by a definition.

When to use it: there is a dictionary, a glossary or any list of things with a description or more of each,
and there are no pairs of texts; or things are to be found by describing them.

As in the released code (github.com/ryuliuxiaodong/DefSent-Plus): every round restarts at the model of the
first one, which a job says with ``from``, and ``teacher`` names the model of the round before; without it
the base makes the vectors. Tables and definitions are raw vectors, compared by their product at tau = 1,
without a bias; entries may be pooled otherwise than definitions.

Decided where paper, sheet and that code leave it open or are not met:

- There, the definition's vector goes through BERT's pooling layer (tanh), or RoBERTa's prediction layer
  (GELU), as pre-trained, before it meets the table. Embedder folders have no such layers, so the default
  is none; ``head`` puts a new one there, which is left behind as theirs is.
- There, tables of BERT's third round are whitened and turned by an independent component analysis, times
  100. ``whiten`` is the same but for the turn, which the encoder can learn, and rows of length one.
- ``cosine`` makes unit vectors of both sides, at tau = 0.05. The rows of a table that leans (a mean cosine
  of 0.9) then differ by about two nats: the loss falls while fewer definitions are nearest to their own
  entry. A table that is centred or whitened, or a lower tau, has no such limit.
- A definition comes once a pass, so that an entry counts by its definitions. Where it names its
  headword, that is masked; a definition that is nothing else is left out. Homographs are one entry.
- Isotropy is that of directions, rows made unit vectors; the mean cosine is over all pairs, not a sample.
- DefSent's prediction layer is the matrix alone, which is all that ``defsent-plus/mlm`` has. The released
  code (github.com/hppRC/defsent) has BERT's transform before it, and freezes the encoder's token
  embeddings with it, as ``optimizer.groups`` can.
- Served are the vectors of the last encoder, ``E_f``, which would be the table of one more round.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.errors import InputError
from embedworks.inference.engine import Engine
from embedworks.losses.contrastive import Similarity
from embedworks.losses.frozen_table import frozen_table_loss, hit_rate
from embedworks.nn.bert import new_bert
from embedworks.nn.class_table import FrozenTable, Preprocess, class_means, preprocess, spread
from embedworks.objective import Losses, Objective, ObjectiveConfig, Rows, Start
from embedworks.reverse_dictionary import REVERSE_DICTIONARY
from embedworks.transforms.definitions import Naming, entries_of, first_by_hash
from embedworks.transforms.labelled_pairs import LabelledTexts
from embedworks.transforms.labelled_texts import LabelledTextTransform, TextSchedule
from embedworks.transforms.masking import NestedMaskTransform
from embedworks.transforms.transform import Batch, Transform
from embedworks.transforms.wordpiece import train_wordpiece

# Shape legend: B definitions, T tokens, N definitions of the dictionary, E entries, V tokens of the
# vocabulary, D width.

TEXTS, TABLE, CLASSES, REPORT = "definitions.parquet", "table.npy", "classes.npy", "table.json"
TEMPERATURES: Mapping[Similarity, float] = {"dot": 1.0, "cosine": 0.05}

# -- the dictionary ------------------------------------------------------------------------------------


def token_of(headword: str, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The id of the one token that a headword is; None where it is several, or unknown."""
    ids = tokenizer.encode(headword, add_special_tokens=False)
    return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unk_token_id else None


def collect(rows: Iterable[Mapping[str, Any]], config: DefSentPlus.Config, start: Start) -> LabelledTexts:
    """The definitions of the entries that are trained on, labelled by their headwords.

    Raises:
        InputError: if fewer than two entries are left.
    """
    entries = entries_of(rows, start.tokenizer.mask_token or "~", config.headword, config.definitions)
    usable = (
        word for word in entries if not config.single_token or token_of(word, start.tokenizer) is not None
    )
    names = tuple(sorted(first_by_hash(usable, config.entries)))
    if len(names) < 2:
        raise InputError(f"the corpus has {len(names)} entries to train on", expected="two or more")
    pairs = [(text, number) for number, name in enumerate(names) for text in entries[name]]
    texts, labels = zip(*pairs, strict=True)
    return LabelledTexts(texts, np.array(labels, np.int64), names)


# -- the objective -------------------------------------------------------------------------------------


class Table(NamedTuple):
    """What definitions are compared with.

    Attributes:
        rows_ED: A vector for each class, float32.
        classes_E: The class that each label stands for.
        numbers: What is told of it.
    """

    rows_ED: Tensor
    classes_E: Tensor
    numbers: dict[str, float]


class DefSentPlus(Objective):
    """``loss = mean_B CE(E f(x) / tau, e(x))`` over all entries; ``E_e = mean_j g(x_j)`` is frozen.

    ``f`` is the encoder that is trained, ``g`` the stage's teacher, or where it has none the base.

    Args:
        config: See :class:`Config`.
        start: ``base`` is the encoder to train, ``artifacts`` what :meth:`prepare` wrote.
    """

    title = "DefSent+: projecting definition sentences into a vector space of unlimited dictionary entries"
    reads_teacher = True

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``."""

        pooling: Literal["cls", "mean"] = Field(default="mean", description="p, of definitions")
        entry_pooling: Literal["cls", "mean"] | None = Field(
            default=None, description="of what an entry's vector is made of; null: as `pooling`"
        )
        head: Literal["none", "tanh", "gelu"] = Field(
            default="none",
            description="a new layer with this activation between definitions and table, left behind",
        )
        similarity: Similarity = Field(
            default="dot",
            description="of raw vectors as in the paper, or `cosine`: both sides are unit vectors",
        )
        temperature: float | None = Field(
            default=None, gt=0, description="tau; null: 1 for dot, 0.05 for cosine"
        )
        preprocess: Preprocess = Field(
            default="none", description="of the entries' vectors: center, standardise, whiten"
        )
        entries: int | None = Field(
            default=None, ge=2, description="most entries that are trained on, chosen by hash; null: all"
        )
        definitions: int | None = Field(
            default=8, ge=1, description="most of an entry, the first ones; null: all"
        )
        single_token: bool = Field(
            default=False,
            description="entries that are one token of the model alone, as DefSent needs them",
        )
        headword: Naming = Field(
            default="mask", description="what becomes of definitions that name their headword"
        )
        sampled: int | None = Field(
            default=None,
            ge=2,
            description="compare with so many other entries, drawn at each step; null: with all. "
            "For tables beyond some 50,000",
        )
        length: int = Field(default=64, ge=4, description="tokens of a definition")

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = start.embedder()
        self.embedder_.settings = self.embedder_.settings.model_copy(
            update={
                "pooling": config.pooling,
                "similarity": config.similarity,
                "normalize": config.similarity == "cosine",
                "pairs": (),  # whatever sizes the base was trained at, it is trained whole
            }
        )
        folder = artifacts_of(start)
        self.table = FrozenTable(torch.from_numpy(np.load(folder / TABLE)))
        self.classes = FrozenTable(torch.from_numpy(np.load(folder / CLASSES)))
        self.numbers: dict[str, float] = json.loads((folder / REPORT).read_text())["numbers"]
        self.head = new_head(self.embedder_.dimensions, config.head, start.seed)
        self.temperature = config.temperature or TEMPERATURES[config.similarity]

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Write the definitions that are trained on, and the frozen table that they are compared with.

        Rows have ``headword`` and ``definitions``. Entries that they do not have, those that are held out,
        are not in the table.

        Raises:
            InputError: if fewer than two entries are left, or for a teacher of another width.
        """
        counted = Counted(rows())
        texts = collect(counted, config, start)
        table = cls.make_table(config, start, texts)
        texts.save(folder / TEXTS)
        np.save(folder / TABLE, table.rows_ED.numpy())
        np.save(folder / CLASSES, table.classes_E.numpy())
        numbers = {
            "entries": float(len(texts.names)),
            "definitions": float(len(texts.texts)),
            **table.numbers,
        }
        (folder / REPORT).write_text(json.dumps({"rows": counted.count, "numbers": numbers}))

    @classmethod
    def make_table(cls, config: Config, start: Start, texts: LabelledTexts) -> Table:
        """The mean of each entry's definitions, cut as they are in training, pre-processed."""
        encoder, width = start.teacher_embedder(), start.embedder().dimensions
        if encoder.dimensions != width:
            what = f"the teacher's vectors have {encoder.dimensions} dimensions"
            raise InputError(what, where="teacher", expected=f"{width}, as the base has")
        read = {
            "pooling": config.entry_pooling or config.pooling,
            "max_length": min(config.length, encoder.settings.max_length),
        }
        encoder.settings = encoder.settings.model_copy(update=read)
        engine = Engine(encoder)
        vectors_ND = torch.from_numpy(engine.pooled(engine.tokens.cut(texts.texts)))
        raw_ED = class_means(vectors_ND, torch.from_numpy(texts.labels_N), len(texts.names))
        used_ED = preprocess(raw_ED, config.preprocess)
        if config.similarity == "cosine":
            used_ED = nn.functional.normalize(used_ED, dim=-1)
        numbers = {f"table/{name}": value for name, value in spread(raw_ED)._asdict().items()}
        if config.preprocess != "none":
            numbers |= {
                f"{config.preprocess}/{name}": value for name, value in spread(used_ED)._asdict().items()
            }
        return Table(used_ED, torch.arange(len(raw_ED)), numbers)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Definitions of the entries, in the order of their schedule.

        Raises:
            InputError: for a length that the base cannot read.
        """
        folder = artifacts_of(start)
        return LabelledTextTransform(
            start.tokenizer,
            TextSchedule(folder / TEXTS, start.seed),
            rows=json.loads((folder / REPORT).read_text())["rows"],
            length=config.length,
            max_length=start.max_length,
            columns=("headword", "definitions"),
        )

    def forward(self, batch: Batch) -> Losses:
        """Losses of one batch.

        Args:
            batch: ``input_ids`` and ``attention_mask`` (B, T), ``label`` (B,).

        Returns:
            ``loss``, and ``hits``, the share of definitions that are nearest to their own entry.
        """
        vectors_BD = self.vectors(batch["input_ids"], batch["attention_mask"])
        labels_B, rows_ED = self.classes()[batch["label"]], self.table()
        loss = frozen_table_loss(vectors_BD, rows_ED, labels_B, self.temperature, self.config.sampled)
        return {"loss": loss, "hits": hit_rate(vectors_BD, rows_ED, labels_B)}

    def vectors(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """What meets the table: ``(B, D)`` float32, the head's of ``f(x)``; unit vectors for ``cosine``."""
        states_BTD = self.embedder_.layer_states(ids_BT, mask_BT)[-1]
        vectors_BD = self.head(self.embedder_.pool(states_BTD, mask_BT))
        return self.embedder_.finish(vectors_BD.float())

    def diagnostics(self) -> Mapping[str, float]:
        """Entries and definitions; mean cosine and isotropy of the table, raw and as it is used."""
        return self.numbers

    def embedder(self) -> Embedder:
        """``f`` alone; table and head are left behind."""
        return self.embedder_


def new_head(width: int, kind: Literal["none", "tanh", "gelu"], seed: int) -> nn.Module:
    """The layer between definitions and table; its weights depend on the seed alone."""
    if kind == "none":
        return nn.Identity()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, width), nn.Tanh() if kind == "tanh" else nn.GELU())


class Counted:
    """Rows that are counted while they are read.

    Args:
        rows: The rows.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def artifacts_of(start: Start) -> Path:
    """Where :meth:`DefSentPlus.prepare` wrote."""
    assert start.artifacts is not None, "prepare() is run before workers start"
    return start.artifacts


# -- the baseline: the tokens of the model -------------------------------------------------------------


class DefSent(DefSentPlus):
    """DefSent (arXiv 2105.04339): ``loss = mean_B CE(W f(x) / tau, token of the headword)``.

    ``W`` is a frozen copy of the base's token embeddings, all V of them. The embeddings that the encoder
    reads are trained on.
    """

    variant = "defsent"
    title = "DefSent: sentence embeddings using definition sentences (the baseline of DefSent+)"
    reads_teacher = False

    class Config(DefSentPlus.Config):
        """As those of :class:`DefSentPlus`; entries are always those of one token."""

        single_token: Literal[True] = True

    @classmethod
    def make_table(cls, config: DefSentPlus.Config, start: Start, texts: LabelledTexts) -> Table:
        """The token embeddings, and the token of each headword."""
        encoder: Any = start.embedder().encoder
        rows_VD = preprocess(encoder.get_input_embeddings().weight.detach().float(), config.preprocess)
        if config.similarity == "cosine":
            rows_VD = nn.functional.normalize(rows_VD, dim=-1)
        tokens = [token_of(name, start.tokenizer) for name in texts.names]
        numbers = {f"table/{name}": value for name, value in spread(rows_VD)._asdict().items()}
        return Table(rows_VD, torch.tensor(tokens), numbers)


# -- what comes before: a language model ---------------------------------------------------------------


class DefSentMlm(Objective):
    """Masked language modelling: ``loss = mean CE(W h, token)`` at the masked tokens.

    ``W`` is the table of token embeddings, the only prediction layer, so that a state and the embedding of
    the token that it stands for lie in one space.

    Args:
        config: See :class:`Config`.
        start: ``base`` is a model to go on with; without one, a new BERT is made.
    """

    variant = "mlm"
    title = "Masked language modelling before DefSent and DefSent+"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; all but the first two are of a new model."""

        length: int = Field(default=64, ge=4, description="tokens of a text")
        ratio: float = Field(default=0.15, gt=0, lt=0.5, description="share of tokens masked (BERT: 0.15)")
        layers: int = Field(default=6, ge=1, description="depth")
        width: int = Field(default=192, ge=8, description="D")
        heads: int = Field(default=4, ge=1, description="of attention; divides the width")
        pieces: int = Field(default=6000, ge=300, description="tokens that are learnt from the texts")
        headwords: int = Field(
            default=8000,
            ge=0,
            description="most frequent one-word entries, which become tokens of their own",
        )
        max_length: int = Field(default=128, ge=4, description="tokens that it reads")

        @model_validator(mode="after")
        def _check(self) -> DefSentMlm.Config:
            if self.width % self.heads:
                raise ValueError(f"width {self.width} is not divisible by heads {self.heads}")
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            self.embedder_ = start.embedder() if start.base else new_model(config, start)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Without a base: learn word pieces from the column ``text``, and take in ``headword``."""
        if start.base is None:
            train_wordpiece(
                (row["text"] for row in rows() if row["text"]),
                config.pieces,
                config.max_length,
                whole={row["headword"] for row in rows() if row.get("headword")},
                most_whole=config.headwords,
            ).save_pretrained(folder)

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Column ``text``, whole words masked.

        Raises:
            InputError: for a length that the model cannot read, or a tokenizer that cannot mask.
        """
        return NestedMaskTransform(
            start.tokenizer,
            length=config.length,
            max_length=start.max_length if start.base else config.max_length,
            encoder_ratio=config.ratio,
            decoder_ratio=config.ratio,
            seed=start.seed,
        )

    def forward(self, batch: Batch) -> Losses:
        """``loss`` and ``accuracy`` at the masked tokens of ``encoder_ids`` (B, T)."""
        encoder: Any = self.embedder_.encoder
        labels_BT = batch["encoder_labels"]
        chosen_BT = labels_BT != -100
        states_BTD = self.embedder_.layer_states(batch["encoder_ids"], batch["attention_mask"])[-1]
        logits_MV = (states_BTD[chosen_BT] @ encoder.get_input_embeddings().weight.T).float()
        labels_M = labels_BT[chosen_BT]
        total = nn.functional.cross_entropy(logits_MV, labels_M, reduction="sum")
        right = (logits_MV.argmax(-1) == labels_M).sum()
        count = chosen_BT.sum().clamp(min=1)
        return {"loss": total / count, "accuracy": right / count}

    def embedder(self) -> Embedder:
        """The language model, read as the mean of its states."""
        return self.embedder_


def new_model(config: DefSentMlm.Config, start: Start) -> Embedder:
    """A BERT with random weights and the prepared tokenizer."""
    tokenizer = start.tokenizer
    bert = new_bert(
        vocabulary=len(tokenizer),
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        max_length=config.max_length,
        pad_id=tokenizer.pad_token_id,
    )
    return Embedder(bert, tokenizer, EmbedderSettings(pooling="mean", max_length=config.max_length))


# -- POST /v1/tasks/reverse-dictionary ----------------------------------------------------------------

TASKS = (REVERSE_DICTIONARY,)
