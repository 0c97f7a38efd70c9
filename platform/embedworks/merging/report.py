"""What a merge did, tensor by tensor: how far its models are apart, and where they pull against each other.

Everything is a sum over elements, so that a unit's part is a line of the journal and the parts add up.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from embedworks.merging.plan import OutputTensor, Plan
from embedworks.merging.units import PIECE, Unit

REPORT_FILE = "merge-report.json"

# Shape legend: n models, E elements of a chunk.


@dataclass
class Sums:
    """Sums over elements of one tensor or of many.

    Attributes:
        models: Names of the models.
        has_base: Whether sums are of task vectors; else of the tensors themselves.
        gram: ``(n, n)`` inner products of the models' vectors.
        result: Squared norm of the result.
        moved: Elements of the result that are not the base's.
        conflicts: Elements at which one model's vector is positive and another's negative.
        elements: Elements in all.
    """

    models: tuple[str, ...]
    has_base: bool
    gram: list[list[float]]
    result: float = 0.0
    moved: int = 0
    conflicts: int = 0
    elements: int = 0

    @classmethod
    def empty(cls, models: Sequence[str], has_base: bool) -> Sums:
        """Sums over nothing."""
        return cls(tuple(models), has_base, [[0.0] * len(models) for _ in models])

    def add(self, part: Mapping[str, Any], models: Sequence[str]) -> None:
        """Add what :func:`unit_sums` noted for some of the models."""
        places = [self.models.index(model) for model in models]
        for row, values in zip(places, part["gram"], strict=True):
            for column, value in zip(places, values, strict=True):
                self.gram[row][column] += value
        self.result += part["result"]
        self.moved += part["moved"]
        self.conflicts += part["conflicts"]
        self.elements += part["elements"]

    def norms(self) -> dict[str, float]:
        """Each model's norm: of its task vector, or of its tensor where there is no base."""
        return {model: math.sqrt(self.gram[i][i]) for i, model in enumerate(self.models)}

    def cosines(self) -> dict[str, float]:
        """The cosine of each pair of models, 0 where one of them is zero."""
        found = {}
        for i, first in enumerate(self.models):
            for j in range(i + 1, len(self.models)):
                size = math.sqrt(self.gram[i][i] * self.gram[j][j])
                found[f"{first} and {self.models[j]}"] = self.gram[i][j] / size if size else 0.0
        return found

    def facts(self) -> dict[str, Any]:
        """As the report has them; shares are of the elements."""
        facts: dict[str, Any] = {
            "norms": self.norms(),
            "cosines": self.cosines(),
            "result_norm": math.sqrt(self.result),
        }
        if self.has_base:
            facts["moved_share"] = self.moved / max(self.elements, 1)
            facts["conflict_share"] = self.conflicts / max(self.elements, 1)
        return facts


def unit_sums(tensor: OutputTensor, unit: Unit, values: Tensor) -> dict[str, Any]:
    """A unit's sums; reads the models again, ``PIECE`` elements of each at a time.

    Args:
        tensor: The unit's tensor.
        unit: Which elements.
        values: The merged elements, as written.
    """
    sums = Sums.empty(tensor.models, tensor.base is not None)
    if all(source.shape == tensor.shape for source in tensor.sources):
        for start in range(unit.start, unit.stop, PIECE):
            stop = min(start + PIECE, unit.stop)
            sums.add(
                _chunk(tensor, start, stop, values[start - unit.start : stop - unit.start]), tensor.models
            )
    return {key: getattr(sums, key) for key in ("gram", "result", "moved", "conflicts", "elements")}


def _chunk(tensor: OutputTensor, start: int, stop: int, values: Tensor) -> dict[str, Any]:
    vectors_nE = torch.stack([source.read(start, stop).float() for source in tensor.sources])
    moved = conflicts = 0
    if tensor.base is not None:
        base_E = tensor.base.read(start, stop).float()
        vectors_nE -= base_E
        moved = int((values != base_E.to(values.dtype)).sum())
        conflicts = int(((vectors_nE > 0).any(0) & (vectors_nE < 0).any(0)).sum())
    return {
        "gram": (vectors_nE @ vectors_nE.T).tolist(),
        "result": float(values.float().square().sum()),
        "moved": moved,
        "conflicts": conflicts,
        "elements": stop - start,
    }


@dataclass(frozen=True)
class Report:
    """Of a merge.

    Attributes:
        tensors: Sums of each merged tensor, by its name.
        total: Sums over all of them: the models as one long vector each.
    """

    tensors: dict[str, Sums]
    total: Sums

    def write(self, folder: Path) -> Path:
        """Write ``merge-report.json``."""
        tensors = {name: sums.facts() for name, sums in self.tensors.items()}
        file = folder / REPORT_FILE
        text = json.dumps({"total": self.total.facts(), "tensors": tensors}, indent=2)
        file.write_text(text + "\n", encoding="utf-8")
        return file

    def metrics(self) -> dict[str, float]:
        """The totals as flat numbers for a tracker, models named by position, as paths are no names."""
        places = {model: f"model{i}" for i, model in enumerate(self.total.models)}
        found = {f"merge/norm/{places[model]}": norm for model, norm in self.total.norms().items()}
        for pair, cosine in self.total.cosines().items():
            first, _, second = pair.partition(" and ")
            found[f"merge/cosine/{places[first]}-{places[second]}"] = cosine
        rest = {key: value for key, value in self.total.facts().items() if isinstance(value, float)}
        return found | {f"merge/{key}": value for key, value in rest.items()}


def build_report(plan: Plan, units: Iterable[Unit], records: Mapping[int, Mapping[str, Any]]) -> Report:
    """Add up the journal's records."""
    merged = [tensor for tensor in plan.tensors if tensor.parameters is not None]
    names = dict.fromkeys(model for tensor in merged for model in tensor.models)
    has_base = any(tensor.base is not None for tensor in merged)
    total = Sums.empty(tuple(names), has_base)
    tensors: dict[str, Sums] = {}
    for unit in units:
        tensor = plan.tensors[unit.tensor]
        if tensor.parameters is None:
            continue
        key = tensor.name if tensor.file.count("/") == 0 else f"{tensor.file}: {tensor.name}"
        own = tensors.setdefault(key, Sums.empty(tensor.models, tensor.base is not None))
        for sums in (own, total):
            sums.add(records[unit.number]["sums"], tensor.models)
    return Report(tensors, total)
