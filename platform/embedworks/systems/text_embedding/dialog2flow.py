"""Dialog2Flow: sentence embeddings of dialog actions, and the flows of dialogs (arXiv 2410.18481).

An utterance is embedded by what it does, its dialog acts and slots, and not by its topic. Training pairs
utterances of one action; the targets of the contrastive loss are softened by how alike the labels' texts
are to a frozen sentence encoder. Clusters of these vectors turn dialogs into a flow graph, which
``POST /v1/tasks/dialog-flow`` returns.

When to use it: there are dialogs with acts and slots annotated, and how others go, of domains without
annotations, is to be seen; or texts are to be found by what they ask for and not by what they are about.

Decided where paper, sheet and official code (github.com/idiap/dialog2flow) leave it open:

- ``joint`` has a loss on acts and one on slots. Officially each has an optimizer of its own on the one
  encoder, and takes its own step; here a step minimises their sum, for phases share no parameters.
- As officially, an utterance of two acts is two samples of the acts' set, one of each, and likewise for
  slots; one without slots is not in the slots' set. The joint label joins both by ", ".
- Utterances are counted as often as they are said: labels with 100 of them or fewer are dropped from the
  joint-label set.
- Without ``label_encoder`` the labels are embedded by the base, before training starts.
- Whatever the base was, vectors are compared by cosine, whole and at the last layer, as they were trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from embedworks.embedder import Embedder
from embedworks.flow.task import DIALOG_FLOW
from embedworks.flow.texts import normalise_utterance
from embedworks.losses.soft_targets import labelled_contrastive_loss
from embedworks.nn.encoder import last_states
from embedworks.objective import ChunkedObjective, Losses, ObjectiveConfig, Rows, Start, Vectors
from embedworks.transforms.labelled_pairs import Balance, LabelledPairTransform, LabelledTexts, PairSchedule
from embedworks.transforms.transform import Batch, Transform

# Shape legend: B pairs, T tokens, D width, H width of the head's output, Y labels, E of a label's vector.

# -- the labels --------------------------------------------------------------------------------------

SETS = {"single": ("actions",), "joint": ("acts", "slots")}
MANIFEST = "pairs.json"


def labelled(turn: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    """(utterance, label) of a turn in one of the sets.

    Example:
        >>> turn = {"text": "For 2, is that OK?", "acts": ["inform", "request"]}
        >>> turn["slots"] = [{"name": "people"}]
        >>> [*labelled(turn, "actions"), *labelled(turn, "slots")]
        [('for 2 is that ok?', 'inform, request people'), ('for 2 is that ok?', 'people')]
    """
    text, acts = normalise_utterance(turn["text"]), list(turn["acts"])
    slots = [slot["name"].replace("_", " ") for slot in turn["slots"]]
    joint = f"{', '.join(acts)} {', '.join(slots)}".strip()
    for label in {"actions": [joint], "acts": acts, "slots": slots}[name]:
        yield text, label


# -- the objective -----------------------------------------------------------------------------------


class Dialog2Flow(ChunkedObjective):
    """``loss = 1/2 [mean_i CE(S_i., T_i.) + mean_j CE(S_.j, T_j.)]``, for ``joint`` the sum of both sets'.

    ``S_ij = cos(g(f(x_i)), g(f(x_j'))) / tau`` and ``T_ij = softmax_j(cos(u_yi, u_yj) / tau')``, where f is
    the encoder, g a head that is dropped after training, and u a frozen encoder's vector of a label.

    Args:
        config: See :class:`Config`.
        start: ``base`` is the embedder to fine-tune, ``artifacts`` what :meth:`prepare` wrote.
    """

    title = "Dialog2Flow: soft-contrastive action-driven sentence embeddings for dialog flow extraction"

    class Config(ObjectiveConfig):
        """Keys of the job's ``objective:``; defaults are the official ones."""

        labels: Literal["single", "joint"] = Field(
            default="single", description="acts and slots as one label, or a loss for each of the two"
        )
        targets: Literal["soft", "hard"] = Field(
            default="soft", description="spread over labels that are alike, or over equal ones alone"
        )
        temperature: float = Field(default=0.05, gt=0, description="tau, of the scores")
        target_temperature: float = Field(default=0.35, gt=0, description="tau', of soft targets")
        label_encoder: str | None = Field(
            default=None,
            description="what embeds the labels: a folder or a hub id; null: the base. "
            "Official: multi-qa-mpnet-base-dot-v1",
        )
        balance: Balance = Field(
            default="none",
            description="of actions and slots: `extend` gives every label as many pairs as the largest; "
            "acts of joint labels are always extended",
        )
        more_than: int = Field(
            default=100, ge=1, description="actions with so many utterances or fewer are dropped"
        )
        head: int = Field(default=128, ge=1, description="width of the head's output")
        head_rate: float = Field(default=100.0, gt=0, description="factor on the learning rate of the head")
        pooling: Literal["cls", "mean"] = "mean"
        length: int = Field(default=64, ge=2, description="tokens")
        gather: bool = Field(default=True, description="compare with the pairs of all workers")

    config: Config
    tables: dict[str, Tensor]

    def __init__(self, config: Config, start: Start) -> None:
        super().__init__(config, start)
        self.embedder_ = start.embedder()
        self.embedder_.settings = self.embedder_.settings.model_copy(
            update={
                "pooling": config.pooling,
                "similarity": "cosine",
                "normalize": True,
                "pairs": (),
            }
        )
        self.names = SETS[config.labels]
        width = self.embedder_.dimensions
        self.heads = nn.ModuleDict({name: head(width, config.head) for name in self.names})
        # No buffers: `precision: bf16` would round them, and nothing of them belongs to a checkpoint.
        tables = {name: torch.from_numpy(np.load(table_file(start, name))) for name in self.names}
        object.__setattr__(self, "tables", tables)

    @classmethod
    def prepare(cls, config: Config, start: Start, rows: Rows, folder: Path) -> None:
        """Write the labelled utterances of each set, and the frozen encoder's vectors of its labels.

        Raises:
            InputError: if fewer than two labels have enough utterances.
        """
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in SETS[config.labels]}
        count = 0
        for row in rows():
            count += 1
            for name, pairs in found.items():
                pairs += (pair for turn in row["turns"] for pair in labelled(turn, name))
        encoder = Embedder.load(config.label_encoder) if config.label_encoder else start.embedder()
        for name, pairs in found.items():
            texts = LabelledTexts.collect(pairs, config.more_than if name == "actions" else 1)
            texts.save(folder / f"{name}.parquet")
            np.save(folder / f"{name}.npy", encoder.encode(texts.names).numpy())
        (folder / MANIFEST).write_text(json.dumps({"rows": count}))

    @classmethod
    def transform(cls, config: Config, start: Start) -> Transform:
        """Pairs of utterances for every dialog of the corpus, in the order of their schedule.

        Raises:
            InputError: for a length that the base cannot read.
        """
        assert start.artifacts is not None
        balance: dict[str, Balance] = {"acts": "extend"}
        return LabelledPairTransform(
            start.tokenizer,
            {
                name: PairSchedule(
                    start.artifacts / f"{name}.parquet", balance.get(name, config.balance), start.seed
                )
                for name in SETS[config.labels]
            },
            rows=json.loads((start.artifacts / MANIFEST).read_text())["rows"],
            length=config.length,
            max_length=start.max_length,
            columns=("turns",),
        )

    def represent(self, batch: Batch) -> Vectors:
        """The head's vectors of both texts of each pair.

        Args:
            batch: Of each set ``anchor_ids``, ``anchor_mask``, ``partner_ids``, ``partner_mask`` (B, T).

        Returns:
            ``anchor.NAME`` and ``partner.NAME`` (B, H) float32.
        """
        return {
            f"{side}.{name}": self.heads[name](
                self._pooled(batch[f"{side}_ids.{name}"], batch[f"{side}_mask.{name}"])
            ).float()
            for name in self.names
            for side in ("anchor", "partner")
        }

    def compare(self, vectors: Vectors, batch: Batch) -> Losses:
        """Losses of a batch.

        Args:
            vectors: See :meth:`represent`.
            batch: Of each set ``label`` (B,).

        Returns:
            ``loss``, and of each set its part of it, as ``loss/NAME``.
        """
        parts = {}
        for name in self.names:
            anchors_BH = vectors[f"anchor.{name}"]
            is_soft = self.config.targets == "soft"
            parts[name] = labelled_contrastive_loss(
                anchors_BH,
                vectors[f"partner.{name}"],
                batch[f"label.{name}"],
                self.tables[name].to(anchors_BH.device) if is_soft else None,
                temperature=self.config.temperature,
                target_temperature=self.config.target_temperature,
                gather=self.config.gather,
            )
        named = {f"loss/{name}": part.detach() for name, part in parts.items()}
        return {"loss": torch.stack(list(parts.values())).sum(), **named}

    def learning_rates(self) -> Mapping[str, float]:
        """The head, which starts from nothing, learns faster than the encoder."""
        return {"heads.*": self.config.head_rate}

    def embedder(self) -> Embedder:
        """The encoder; heads are left behind."""
        return self.embedder_

    def _pooled(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        return self.embedder_.pool(last_states(self.embedder_.encoder, ids_BT, mask_BT), mask_BT)


def head(width: int, output: int) -> nn.Sequential:
    """g: two layers without bias."""
    return nn.Sequential(
        nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, output, bias=False)
    )


def table_file(start: Start, name: str) -> Path:
    """Where the vectors of a set's labels are."""
    assert start.artifacts is not None
    return start.artifacts / f"{name}.npy"


# -- what is served: POST /v1/tasks/dialog-flow --------------------------------------------------------

TASKS = (DIALOG_FLOW,)
