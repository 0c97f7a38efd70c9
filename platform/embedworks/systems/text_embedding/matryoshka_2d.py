"""2D Matryoshka: one encoder that is cut in depth and in width when it is used (arXiv 2402.14776).

Besides the whole model, every step trains one random shallower layer and one random shorter prefix, and a
KL over coordinates pulls the shallow layer towards the last one. Plain Matryoshka (MRL) only shortens
vectors, and still pays for every layer. The key ``variant`` says which form it takes:

- ``angle``: AnglE's, one layer and one width drawn a step, both layers at full width and at this one.
- ``st``: sentence-transformers', one layer drawn, and a width for it and for the last layer each.
- ``ese``: the paper's later version, Espresso: every layer at one width, every step.
- ``mrl``: what it is compared with, all widths of the last layer; with ``widths: []`` plain fine-tuning.

One pass of the encoder a text is read at all the layers that a step needs. The result is read at any of the
layers and widths that were trained, and the layers above are not run.

When to use it: users of one model choose depth and width themselves, and may choose any. For a few sizes
that are known beforehand ``starbucks`` trains each of them at every step.

Sources: SeanLee97/AnglE, trainer "TDMSE" of February 2024, and sentence-transformers' ``Matryoshka2dLoss``.
Decisions where they differ or are silent:

- The KL is weighed by ``T ln(2 + m)``. AnglE's code dropped the logarithm on 2 March 2024.
- In the form ``st``, layer m counts 1 / m, m from 1. sentence-transformers has also drawn the embedding
  output, m = 0, with 1 / (1 + m); its later releases have equal weights by default and detach the teacher.
- The KL pulls both layers, unless ``detach_teacher``. It is over the texts of this worker: nothing in it
  compares texts.
- Where widths are not given they are 8, 16, 32, ..., for ``st`` too, which draws from them and the whole.
- Pairs without grades are no input of the CoSENT and angle parts; AnglE's code leaves these out for such
  data without a word, and here ``weights: [0, 1, 0]`` says so. A query and its hard negative have grade 0,
  its positive 1 or its ``score``; with hard negatives the in-batch part ranks them as AnglE's code does.
- A frozen teacher is aligned over real tokens only, not over padding.
- ``ese`` reads layers 1 to N - 1 and not the embedding output, which cannot be served; its base loss of
  whole vectors at the last layer is in the code and not in the formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from embedworks.embedder import Embedder
from embedworks.errors import InputError
from embedworks.folder import load_embedder, resolve_model
from embedworks.losses.angle import angle_loss
from embedworks.losses.contrastive import in_batch_loss, paired_similarity
from embedworks.losses.cosent import cosent
from embedworks.losses.distillation import kl_divergence
from embedworks.losses.espresso import espresso_loss
from embedworks.losses.matryoshka import (
    Sides,
    SizeDraws,
    geometric_widths,
    independent_widths_loss,
    joint_width_loss,
    nested_widths_loss,
)
from embedworks.losses.nt_xent import nt_xent
from embedworks.nn.encoder import exit_states, last_states
from embedworks.nn.pooling import pool
from embedworks.nn.teacher import Teacher
from embedworks.objective import ChunkedObjective, Losses, ObjectiveConfig, Start, Vectors
from embedworks.transforms.pairs import PairTransform
from embedworks.transforms.transform import Batch, Transform

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Shape legend: B queries, G candidates (B*group, a query's positive first), T tokens, D width, d a prefix.

Widths = tuple[int, ...]

# What the form of sentence-transformers has otherwise.
ST_FORM: dict[str, Any] = {"base_loss": "ranking", "kl_temperature": 0.3, "pooling": "mean"}

# -- the objective -----------------------------------------------------------------------------------


class Matryoshka2d(ChunkedObjective):
    """2D Matryoshka training: see :func:`.joint_width_loss` and :func:`.independent_widths_loss`.

    Args:
        config: See :class:`Config`.
        start: ``base`` is the embedder to fine-tune.

    Raises:
        InputError: for widths that the base does not have, a base of one layer, or a teacher that does
            not read the base's tokens or has another width.
    """

    title = "2D Matryoshka sentence embeddings"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; defaults are those of AnglE's code."""

        variant: Literal["angle", "st", "ese", "mrl"] = Field(
            default="angle", description="the form of the loss; `st` sets other defaults: see ST_FORM"
        )
        widths: Widths | None = Field(
            default=None, description="below the whole, growing; null: 8, 16, 32, ...; ese has one, 128"
        )
        base_loss: Literal["angle", "ranking", "cosent"] = Field(
            default="angle",
            description="l: AnglE's three parts, in-batch ranking, or order of graded pairs",
        )
        weights: tuple[float, float, float] = Field(
            default=(1, 1, 1), description="w1, w2, w3 of `angle`: CoSENT, in-batch, angle"
        )
        temperature: float = Field(default=0.05, gt=0, description="of cosines: the scale of 20")
        angle_temperature: float = Field(default=1.0, gt=0, description="of angles: 1 / tau_a")
        least_positive: float = Field(
            default=1.0, description="`score` from which a pair is a positive of the in-batch part"
        )
        kl_weight: float = Field(
            default=1.0, ge=0, description="of the KL, beside T and the depth's; ese: of the compression"
        )
        kl_temperature: float = Field(default=1.0, gt=0, description="T; st: 0.3")
        detach_teacher: bool = Field(default=False, description="the KL pulls the shallow layer alone")
        prior_weight: float = Field(default=1.0, ge=0, description="st: of the shallow layer, beside 1 / m")
        teacher: str | None = Field(
            default=None, description="angle: a frozen embedder that the KL pulls to: a folder or hub id"
        )
        gather: bool = Field(default=True, description="compare with the texts of all workers")
        hard_negatives: int = Field(
            default=1, ge=0, description="per query, where the corpus has `negative` or `negatives`"
        )
        pooling: Literal["cls", "mean"] | None = Field(
            default="cls", description="null keeps the base's; st: mean"
        )
        query_length: int = Field(default=64, ge=2, description="tokens")
        positive_length: int = Field(default=64, ge=2, description="tokens, of negatives as well")

        @model_validator(mode="before")
        @classmethod
        def _fill_form(cls, values: Any) -> Any:
            is_st = isinstance(values, dict) and values.get("variant") == "st"
            return {**ST_FORM, **values} if is_st else values

        @model_validator(mode="after")
        def _check(self) -> Matryoshka2d.Config:
            if any(small >= large for small, large in pairwise((0, *(self.widths or ())))):
                raise ValueError("widths must grow, from 1 or more")
            if self.variant == "ese" and self.widths is not None and len(self.widths) != 1:
                raise ValueError("ese trains one width")
            if self.teacher and self.variant != "angle":
                raise ValueError(f"the form {self.variant} has no teacher")
            if not any(self.weights) or min(self.weights) < 0:
                raise ValueError("weights are 0 or more, and not all 0")
            return self

    config: Config

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = start.embedder()
        self.depth, self.width = self.embedder_.full_pair
        self.widths = resolve_widths(config, self.width)
        if config.variant != "mrl" and self.depth < 2:
            raise InputError("a model of one layer has no shallower one", expected="two layers or more")
        drawn = (*self.widths, self.width) if config.variant == "st" else self.widths
        self.sizes = SizeDraws(start.seed, self.depth, drawn) if config.variant in ("angle", "st") else None
        self.teacher = open_teacher(config.teacher, self.embedder_) if config.teacher else None
        depths = (self.depth,) if config.variant == "mrl" else range(1, self.depth + 1)
        settings = self.embedder_.settings
        self.embedder_.settings = settings.model_copy(
            update={
                "pairs": tuple((n, d) for n in depths for d in (*self.widths, self.width)),
                "pooling": config.pooling or settings.pooling,
                "similarity": "cosine",
                "normalize": True,
            }
        )

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Columns ``query``, ``positive`` and, where there are, ``negative(s)`` and ``score``.

        Raises:
            InputError: for a length that the base cannot read.
        """
        return PairTransform(
            start.tokenizer,
            query_length=config.query_length,
            positive_length=config.positive_length,
            max_length=start.max_length,
            hard_negatives=config.hard_negatives,
            seed=start.seed,
        )

    def layers(self) -> Sequence[int]:
        """The layers that this step reads, the last one last."""
        if self.sizes is not None:
            return (self.sizes.draw().layer, self.depth)
        return range(1, self.depth + 1) if self.config.variant == "ese" else (self.depth,)

    def represent(self, batch: Batch) -> Vectors:
        """Raw pooled vectors of all texts at this step's layers.

        Args:
            batch: ``query_ids``, ``query_mask`` (B, T), ``candidate_ids``, ``candidate_mask`` (G, S).

        Returns:
            ``query/2`` (B, D) and ``candidate/2`` (G, D) for layer 2 and so on, float32; with a teacher
            also ``query/teacher`` (B, D) and ``query/alignment`` (B,), and those of the candidates.
        """
        found: Vectors = {}
        for side in ("query", "candidate"):
            ids_BT, mask_BT = batch[f"{side}_ids"], batch[f"{side}_mask"]
            states = exit_states(self.embedder_.encoder, ids_BT, mask_BT)
            for n in self.layers():
                found[f"{side}/{n}"] = self.embedder_.pool(states[n - 1], mask_BT).float()
            if self.teacher is not None:
                taught_BTD = self.teacher(ids_BT, mask_BT)
                pooled_BD = pool(taught_BTD, mask_BT, self.embedder_.settings.pooling)
                found[f"{side}/teacher"] = pooled_BD.float()
                found[f"{side}/alignment"] = token_alignment(taught_BTD, states[-1], mask_BT)
        return found

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        """Losses of one batch.

        Args:
            vectors: See :meth:`represent`.
            batch: ``score`` (B,) where pairs are graded.

        Returns:
            ``loss`` and its parts, not weighted.
        """
        config, base = self.config, partial(base_loss, config=self.config, scores_B=batch.get("score"))
        read = {n: sides(vectors, n) for n in self.layers()}
        whole = read[self.depth]
        options: dict[str, Any] = {"temperature": config.kl_temperature, "kl_weight": config.kl_weight}
        if config.variant == "mrl":
            return nested_widths_loss(base, whole, (*self.widths, self.width))
        if config.variant == "ese":
            return espresso_loss(base, list(read.values()), self.widths[0], **options)
        assert self.sizes is not None
        sizes = self.sizes.draw()
        options["detach_teacher"] = config.detach_teacher
        if config.variant == "st":
            options["prior_weight"] = config.prior_weight
            return independent_widths_loss(base, whole, read[sizes.layer], sizes, **options)
        teacher = sides(vectors, "teacher") if self.teacher is not None else None
        losses = joint_width_loss(base, whole, read[sizes.layer], sizes, teacher=teacher, **options)
        if teacher is None:
            return losses
        alignment = torch.cat(sides(vectors, "alignment")).mean()
        return losses | {"loss": losses["loss"] + alignment, "alignment": alignment.detach()}

    def after_step(self, step: int) -> None:
        """Draw other sizes."""
        if self.sizes is not None:
            self.sizes.advance(step)

    def embedder(self) -> Embedder:
        """The fine-tuned embedder, readable at each layer and width that was trained."""
        return self.embedder_


# -- parts -------------------------------------------------------------------------------------------


def resolve_widths(config: Matryoshka2d.Config, width: int) -> Widths:
    """The widths below the whole that are trained.

    Raises:
        InputError: for one that is not below it.
    """
    if config.widths is None:
        return geometric_widths(width) if config.variant != "ese" else (128 if width > 128 else width // 2,)
    if config.widths and config.widths[-1] >= width:
        raise InputError(
            f"width {config.widths[-1]} is not below that of the whole model",
            where="widths",
            expected=f"widths below {width}, which is trained anyway",
        )
    return config.widths


def open_teacher(source: str, base: Embedder) -> Teacher:
    """The frozen encoder that the last layer is pulled to.

    Raises:
        InputError: for vectors of another width, or other tokens.
    """
    teacher = load_embedder(resolve_model(source))
    width = teacher.encoder.config.hidden_size
    if not width == base.encoder.config.hidden_size == base.dimensions:
        raise InputError(
            f"the teacher's states have {width} coordinates",
            where="teacher",
            expected=f"{base.dimensions}, as the base's states and vectors",
        )
    if teacher.tokenizer.get_vocab() != base.tokenizer.get_vocab():
        raise InputError("the teacher reads other tokens than the base", where="teacher")
    return Teacher(LastStates(teacher.encoder))


class LastStates(nn.Module):
    """An encoder that gives the states of its last layer, ``(B, T, D)``."""

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """States of tokens."""
        return last_states(self.encoder, ids_BT, mask_BT)


def base_loss(q_Bd: Tensor, c_Gd: Tensor, config: Matryoshka2d.Config, scores_B: Tensor | None) -> Tensor:
    """l at one layer and width; what is compared by cosine is normalised here, after it was cut.

    Raises:
        InputError: where pairs have no grades to be ordered by.
    """
    ranking = partial(in_batch_loss, q_Bd, c_Gd, temperature=config.temperature, gather=config.gather)
    if config.base_loss == "ranking":
        return ranking().loss
    group = len(c_Gd) // len(q_Bd)
    ordered, in_batch, angle = config.weights if config.base_loss == "angle" else (1.0, 0.0, 0.0)
    parts = []
    if in_batch and group > 1:
        parts.append(in_batch * ranking().loss)
    elif in_batch:
        alike_B = None if scores_B is None else scores_B >= config.least_positive
        options: dict[str, Any] = {"temperature": config.temperature, "gather": config.gather}
        parts.append(in_batch * nt_xent(q_Bd, c_Gd, positive_B=alike_B, **options))
    if ordered or angle:
        left_Gd, grades_G = q_Bd.repeat_interleave(group, dim=0), grades(len(q_Bd), group, scores_B)
        grades_G = grades_G.to(q_Bd.device)
    if ordered:
        cosines_G = paired_similarity(left_Gd, c_Gd, "cosine")
        parts.append(ordered * cosent(cosines_G, grades_G, config.temperature, gather=config.gather))
    if angle:
        temperature = config.angle_temperature
        parts.append(angle * angle_loss(left_Gd, c_Gd, grades_G, temperature, gather=config.gather))
    return torch.stack(parts).sum()


def grades(batch: int, group: int, scores_B: Tensor | None) -> Tensor:
    """``(G,)`` gold scores of each query with each of its candidates: 0 with a hard negative.

    Raises:
        InputError: for pairs with neither a score nor a hard negative.
    """
    if scores_B is None and group == 1:
        raise InputError(
            "CoSENT and the angle order graded pairs, and these have no grades",
            where="base_loss",
            expected="a corpus column `score`, `negative` or `negatives`; weights [0, 1, 0]; or `ranking`",
        )
    found_BG = torch.zeros(batch, group)
    found_BG[:, 0] = 1 if scores_B is None else scores_B
    return found_BG.flatten()


def sides(vectors: Vectors, at: int | str) -> Sides:
    """What both sides have at a layer."""
    return vectors[f"query/{at}"], vectors[f"candidate/{at}"]


def token_alignment(teacher_BTD: Tensor, student_BTD: Tensor, mask_BT: Tensor) -> Tensor:
    """``(B,)`` float32: the sum over each text's tokens of the KL over their coordinates."""
    kls = [
        kl_divergence(theirs_TD[real_T], mine_TD[real_T]) * real_T.sum()
        for theirs_TD, mine_TD, real_T in zip(teacher_BTD, student_BTD, mask_BT.bool(), strict=True)
    ]
    return torch.stack(kls)
