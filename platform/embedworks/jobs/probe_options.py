"""What is said of pairs on which models are measured: a probe, or a held-out part of one."""

from __future__ import annotations

from pydantic import Field

from embedworks.jobs.corpus_options import Corpora
from embedworks.jobs.section import Count, Section


class PairOptions(Section):
    """How pairs are read where a contrastive loss is measured on them."""

    samples: Count = Field(default=256, description="rows that are read, evenly from the corpora")
    batch_size: int = Field(
        default=8, ge=2, description="anchors at a time; each one's negatives are the others' candidates"
    )
    query_length: int = Field(default=32, ge=2, description="tokens")
    positive_length: int = Field(default=128, ge=2, description="tokens")
    hard_negatives: int = Field(default=0, ge=0, description="drawn from the columns of negatives")
    temperature: float = Field(default=0.05, gt=0, description="of the contrastive loss")


class ProbeOptions(PairOptions):
    """How the rows of `probe` are read by what measures on them; a system that trains has its own keys."""

    equal_norm: bool = Field(
        default=False, description="scale the Fisher information of every model to the same norm"
    )


class HeldOutOptions(PairOptions):
    """Pairs that training never reads."""

    corpus: Corpora = Field(description="the pairs; one corpus or a list")
    skip: int = Field(
        default=0, ge=0, description="rows at the beginning of each corpus that it leaves to training"
    )
