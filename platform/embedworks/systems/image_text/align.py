"""ALIGN: a plain dual encoder on a very large, barely cleaned corpus of alt-texts.

Jia et al., "Scaling Up Visual and Vision-Language Representation Learning With Noisy Text Supervision",
arXiv 2102.05918. Image tower and text tower are trained from scratch, together, to find each other's
partner in the whole batch of all workers:

    x_i = u_i / |u_i|, y_i = t_i / |t_i|                 u of the image tower, t of the text tower
    L_i2t = -(1/N) sum_i sum_j q_ij log softmax_j(x_i . y_j / sigma)
    L_t2i = -(1/N) sum_i sum_j q_ij log softmax_j(y_i . x_j / sigma)
    q_ij = (1 - a) [i = j] + a / N,    L = L_i2t + L_t2i

One sigma serves both directions and is trained like any other scalar. False negatives are ignored. The
corpus is cleaned by frequency and size alone, in a curate stage before this one: the filter ``alt-text``.

A base that embeds texts alone gives the text tower, beside a new image tower; the paper trains both from
scratch.

When to use it: there are many pictures with noisy captions, nothing else to start from, and texts are to
find pictures.

The paper's image tower is an EfficientNet; here it is a small convolutional net of the same form: the mean
over its last grid is the vector, without a projection. The text tower is a BERT; of its dropout the paper
says nothing, and there is none here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn
from transformers import BertConfig, BertModel

from embedworks.dual import DualEmbedder, ImageSettings, read_image_settings
from embedworks.embedder import Embedder, EmbedderSettings
from embedworks.folder import has_image_tower
from embedworks.losses.contrastive import in_batch_loss
from embedworks.losses.temperature import Temperature
from embedworks.nn.image_tower import ConvConfig
from embedworks.objective import ChunkedObjective, Losses, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.image_text import ImageTextTransform
from embedworks.transforms.images import ImageReader
from embedworks.transforms.transform import Batch, Transform
from embedworks.transforms.wordpiece import train_wordpiece

# Shape legend: B pairs of this worker, N pairs of all workers, S x S pixels, T tokens.


class AlignConfig(ObjectiveConfig):
    """Keys of the job's ``objective:``. Those of the model's size count without a base only.

    Defaults are the paper's, except for sizes, which are for a CPU and name the paper's beside them.
    """

    image_size: int = Field(default=48, ge=8, description="pixels of a side (paper: 289)")
    crop_from: int | None = Field(
        default=57, ge=8, description="resized to this before the crop (paper: 346 for 289); null: no crop"
    )
    flip: bool = Field(
        default=True,
        description="mirror half of the images (paper); wrong for captions that say left or right",
    )
    widths: tuple[int, ...] = Field(
        default=(32, 64, 96, 128),
        min_length=1,
        description="of the image tower's stages; the last is d (paper: EfficientNet-L2, d = 1376)",
    )
    blocks: int = Field(default=1, ge=1, description="residual blocks a stage")
    text_layers: int = Field(default=2, ge=1, description="depth of the text tower (paper: 24)")
    text_width: int = Field(default=128, ge=1, description="of the text tower (paper: 1024)")
    text_heads: int = Field(default=4, ge=1, description="of the text tower (paper: 16)")
    vocab_size: int = Field(default=100_000, ge=6, description="word pieces, of the corpus's own texts")
    length: int = Field(default=64, ge=3, description="tokens of a text")
    text_rate: float = Field(
        default=1.0,
        ge=0,
        description="factor on the text tower's learning rate (paper: 1); 0: it stays as its base is "
        "(locked tuning, arXiv 2111.07991)",
    )
    sigma: float | None = Field(
        default=None, gt=0, description="where the temperature starts; null: 1.0 (paper), or the base's"
    )
    sigma_learned: bool = Field(default=True, description="false: fixed, as in the paper's ablation")
    sigma_log: bool = Field(default=False, description="train its logarithm, as CLIP does")
    sigma_rate: float = Field(
        default=10.0,
        gt=0,
        description="factor on its learning rate: a short run would end before 1.0 gets small (paper: 1)",
    )
    sigma_minimum: float = Field(default=0.01, ge=0, description="it never reads lower (paper: no limit)")
    smoothing: float = Field(default=0.1, ge=0, lt=1, description="a, of the targets")
    total: Literal["sum", "mean"] = Field(default="sum", description="of the two directions")
    gather: bool = Field(default=True, description="negatives of all workers; false: of this one alone")
    detach_others: bool = Field(default=False, description="no gradient through other workers' vectors")
    negatives: float = Field(
        default=1.0, gt=0, le=1, description="share of the in-batch negatives (the paper's ablation: 0.25)"
    )

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.text_width % self.text_heads:
            raise ValueError(
                f"text_width {self.text_width} is not a multiple of text_heads {self.text_heads}"
            )
        if self.crop_from is not None and self.crop_from < self.image_size:
            raise ValueError(f"crop_from {self.crop_from} is smaller than image_size {self.image_size}")
        return self

    def image_settings(self) -> ImageSettings:
        """Of a new model."""
        return ImageSettings(size=self.image_size, crop_from=self.crop_from)


class Align(ChunkedObjective):
    """Two towers that rank each other's partners in the global batch."""

    Config = AlignConfig
    title = (
        "ALIGN: scaling up visual and vision-language representation learning with noisy text supervision"
    )

    config: AlignConfig

    def __init__(self, config: AlignConfig, start: Start) -> None:
        super().__init__(config, start)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(start.seed)
            has_tower = start.base is not None and has_image_tower(start.base)
            self.model = start.dual() if has_tower else new_dual(config, start)
        self.model.text.requires_grad_(config.text_rate > 0)
        # One scalar for both directions; two would let them drift apart.
        self.temperature = Temperature(
            config.sigma or self.model.settings.temperature,
            learned=config.sigma_learned,
            log=config.sigma_log,
            minimum=config.sigma_minimum,
        )

    @classmethod
    def prepare(cls, config: AlignConfig, start: Start, rows: Rows, folder: Path) -> None:
        """Train the word pieces on the texts of the corpus itself, unless a base brings its own.

        Raises:
            InputError: for a corpus without a word.
        """
        if start.base is None:
            texts = (row["text"] for row in rows() if row["text"])
            train_wordpiece(texts, config.vocab_size, config.length).save_pretrained(folder)

    @classmethod
    def transform(cls, config: AlignConfig, start: Start) -> Transform:
        """Columns ``image`` and ``text``; images are cut and mirrored anew in every epoch.

        Raises:
            InputError: for a length that the base cannot read.
        """
        settings = config.image_settings()
        if start.base is not None and has_image_tower(start.base):
            settings = read_image_settings(start.base)
        return ImageTextTransform(
            ImageReader(settings.size, settings.crop_from, config.flip),
            start.tokenizer,
            length=config.length,
            max_length=start.max_length if start.base else config.length,
            seed=start.seed,
        )

    def learning_rates(self) -> Mapping[str, float]:
        """sigma learns faster: at 1.0 it hides what the towers tell apart, and a short run is soon over."""
        rates = {"temperature.*": self.config.sigma_rate} if self.config.sigma_learned else {}
        slower = self.config.text_rate not in (0, 1)
        return rates | ({"model.text.*": self.config.text_rate} if slower else {})

    def train(self, mode: bool = True) -> Self:
        """A text tower that does not learn draws no dropout either."""
        super().train(mode)
        self.model.text.train(mode and self.config.text_rate > 0)
        return self

    def represent(self, batch: Batch) -> Vectors:
        """Both towers.

        Args:
            batch: ``pixels`` ``(B, 3, S, S)`` uint8, ``input_ids`` and ``attention_mask`` ``(B, T)``.

        Returns:
            ``image`` and ``text``, ``(B, D)`` each.
        """
        return {
            "image": self.model(batch["pixels"]),
            "text": self.model.text(batch["input_ids"], batch["attention_mask"]),
        }

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:  # noqa: ARG002
        """The contrastive loss of both directions.

        Returns:
            ``loss``; ``sigma``; ``accuracy``, the share of images that rank their own text first among
            those of the whole batch.
        """
        config, sigma = self.config, self.temperature()
        ranking = in_batch_loss(
            vectors["image"],
            vectors["text"],
            temperature=sigma,
            two_way=True,
            total=config.total,  # a sum: a mean would halve what weight decay and clipping see
            smoothing=config.smoothing,
            negatives=config.negatives,
            # Negatives of this worker alone, or vectors of the others without their gradient, are not the
            # loss of the global batch.
            gather=config.gather,
            detach_others=config.detach_others,
        )
        right_B = ranking.scores_BN.argmax(1) == ranking.targets_B
        return {"loss": ranking.loss, "sigma": sigma.detach(), "accuracy": right_B.float().mean()}

    def embedder(self) -> DualEmbedder:
        """Both towers, with the temperature they were trained to."""
        sigma = self.temperature().item()
        self.model.settings = self.model.settings.model_copy(update={"temperature": sigma})
        return self.model


def new_dual(config: AlignConfig, start: Start) -> DualEmbedder:
    """A random image tower beside a random text tower, as in the paper, or beside the base."""
    tower = ConvConfig(widths=config.widths, blocks=config.blocks).build()
    if start.base is None:
        return DualEmbedder(new_text_tower(config, start, tower.width), tower, config.image_settings())
    text = start.embedder()
    return DualEmbedder(
        text, tower, config.image_settings(), nn.Linear(tower.width, text.dimensions, bias=False)
    )


def new_text_tower(config: AlignConfig, start: Start, dimensions: int) -> Embedder:
    """[CLS] of a random BERT through one linear layer: to the image's space, never both to a third one."""
    tokenizer = start.tokenizer
    bert = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.text_width,
        num_hidden_layers=config.text_layers,
        num_attention_heads=config.text_heads,
        intermediate_size=4 * config.text_width,
        max_position_embeddings=config.length,
        pad_token_id=tokenizer.pad_token_id,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    encoder = BertModel(bert, add_pooling_layer=False)
    settings = EmbedderSettings(pooling="cls", max_length=config.length)
    return Embedder(encoder, tokenizer, settings, nn.Linear(config.text_width, dimensions))
