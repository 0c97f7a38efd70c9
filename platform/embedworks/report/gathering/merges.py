"""What merges did: recipes, how far their models are apart, and what moved, layer by layer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from embedworks.merging.report import REPORT_FILE
from embedworks.report.data import Merge, MergeInputs, Points
from embedworks.report.gathering.source import Source, StageRecord

LAYER = re.compile(r"\blayers?\.(\d+)\.")


def merges(source: Source) -> tuple[tuple[Merge, ...], tuple[MergeInputs, ...]]:
    """Every merge, and once for merges of the same models what these are like."""
    found: list[Merge] = []
    inputs: dict[str, MergeInputs] = {}
    for stage in source.of("merge"):
        report = _report(source, stage)
        key = json.dumps(_facts(report), sort_keys=True) if report else ""
        if report and key not in inputs:
            inputs[key] = _inputs(report, stage.name)
        elif report:
            old = inputs[key]
            inputs[key] = MergeInputs(**{**vars(old), "merges": (*old.merges, stage.name)})
        place = list(inputs).index(key) if report else None
        found.append(_merge(stage, report, place))
    return tuple(found), tuple(inputs.values())


def _merge(stage: StageRecord, report: Mapping[str, Any] | None, place: int | None) -> Merge:
    keys = ("method", "base", "models", "slices", "parameters")
    recipe = stage.result.get("recipe") or {
        key: stage.block[key] for key in keys if stage.block.get(key) not in (None, {}, [])
    }
    moved = report["total"].get("moved_share") if report else None
    return Merge(
        model=stage.name,
        method=str(stage.block.get("method")),
        recipe=yaml.safe_dump(_plain(recipe), sort_keys=False, allow_unicode=True),
        note=_note(stage),
        moved=moved,
        layers=by_layer(report["tensors"], "moved_share") if report and moved is not None else (),
        inputs=place,
    )


def _note(stage: StageRecord) -> str:
    search, soup = stage.result.get("search"), stage.result.get("soup")
    if soup:
        offered = len(stage.block.get("models") or soup)
        return f"a soup of {len(soup)} of {offered}: {', '.join(map(str, soup))}"
    if search:
        return f"the best of {len(search['trials'])} tries, goal {search['score']:.4f}"
    if "steps" in stage.result:
        return f"searched by training, {stage.result['steps']} steps"
    return ""


def _report(source: Source, stage: StageRecord) -> dict[str, Any] | None:
    folder = source.model(stage.name)
    if folder and (folder / REPORT_FILE).is_file():
        text: str | None = (folder / REPORT_FILE).read_text(encoding="utf-8")
    else:
        text = source.text(stage.run.id, REPORT_FILE) if stage.run else None
    if not text:
        return None
    report: dict[str, Any] = json.loads(text)
    return report if report.get("total", {}).get("norms") else None


def _facts(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is of the models that are merged, not of the merge."""
    total = report["total"]
    return {key: total.get(key) for key in ("norms", "cosines", "conflict_share")}


def _inputs(report: Mapping[str, Any], merge: str) -> MergeInputs:
    total = report["total"]
    models = list(total["norms"])
    places = {model: i for i, model in enumerate(models)}
    cosines = [[1.0 if i == j else 0.0 for j in range(len(models))] for i in range(len(models))]
    for pair, value in total["cosines"].items():
        for first in models:
            second = pair.removeprefix(f"{first} and ")
            if second in places and second != pair:
                cosines[places[first]][places[second]] = cosines[places[second]][places[first]] = value
    return MergeInputs(
        models=tuple(models),
        norms=tuple(total["norms"].values()),
        has_base="conflict_share" in total,
        cosines=tuple(map(tuple, cosines)),
        conflict=total.get("conflict_share"),
        layers=by_layer(report["tensors"], "conflict_share"),
        merges=(merge,),
    )


def by_layer(tensors: Mapping[str, Mapping[str, Any]], share: str) -> Points:
    """(layer, mean share of its tensors); layer 0 is all that stands before the layers.

    Tensors weigh alike: the report of a merge keeps shares, not sizes.
    """
    found: dict[int, list[float]] = {}
    for name, facts in tensors.items():
        if share in facts:
            match = LAYER.search(name)
            found.setdefault(int(match[1]) + 1 if match else 0, []).append(float(facts[share]))
    return tuple((float(layer), sum(v) / len(v)) for layer, v in sorted(found.items()))


def _plain(value: Any) -> Any:
    """Without tuples and without numbers of seventeen digits."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
