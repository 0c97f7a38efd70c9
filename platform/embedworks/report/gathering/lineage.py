"""What came from what: corpora, models from outside, trained models, merges, the registered version."""

from __future__ import annotations

from collections.abc import Iterable

from embedworks.report.data import Lineage, Node, Registration
from embedworks.report.gathering.source import Source, StageRecord


def lineage(source: Source, best: str | None) -> Lineage | None:
    """The graph of the models that this job made; None where it made none."""
    made = list(source.of("train", "merge"))
    if not made:
        return None
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], None] = {}
    for stage in made:
        for corpus in _corpora(stage):
            nodes.setdefault(corpus, Node(corpus, _corpus_kind(source, corpus)))
            edges[corpus, stage.name] = None
        for parent in parents(stage):
            nodes.setdefault(parent, Node(parent, "outside"))
            edges[parent, stage.name] = None
        what = str(stage.block.get("system" if stage.kind == "train" else "method"))
        nodes[stage.name] = Node(stage.name, stage.kind, what)
    for entry in registrations(source):
        nodes.setdefault(entry.winner, Node(entry.winner, "outside"))
        name = f"{entry.model} {entry.version}".strip()
        nodes[name] = Node(name, "version", f"@{entry.alias}" if entry.alias else "")
        edges[entry.winner, name] = None
        best = entry.winner
    line = _ancestors(best, edges) if best in nodes else []
    line += [end for start, end in edges if start == best and nodes[end].kind == "version"]
    return Lineage(tuple(nodes.values()), tuple(edges), tuple(line))


def parents(stage: StageRecord) -> list[str]:
    """The models that a stage started from, learnt from or merged, each once: the result's, where known."""
    block, recipe = stage.block, stage.result.get("recipe") or {}
    if stage.kind == "train":
        return list(dict.fromkeys(str(block[key]) for key in ("from", "teacher") if block.get(key)))
    found = [_model(entry) for entry in recipe.get("models") or block.get("models") or ()]
    for part in recipe.get("slices") or block.get("slices") or ():
        found += [_model(one) for one in part.get("sources", ())]
    base = recipe.get("base_model") or block.get("base")
    return list(dict.fromkeys([*([str(base)] if base else []), *found]))


def registrations(source: Source) -> tuple[Registration, ...]:
    """What register stages did."""
    found = []
    for stage in source.of("register"):
        if not stage.result:
            continue
        gate, uri = stage.result.get("gate") or {}, str(stage.result.get("uri", ""))
        found.append(
            Registration(
                stage=stage.name,
                model=str(stage.result["model"]),
                version=str(stage.result["version"]),
                winner=str(stage.result["winner"]),
                alias=uri.rpartition("@")[2] if "@" in uri else "",
                passed=gate.get("passed"),
                reason=str(gate.get("reason", "")),
                against=str(gate.get("against", "")),
            )
        )
    return tuple(found)


def _model(entry: object) -> str:
    return str(entry["model"]) if isinstance(entry, dict) else str(entry)


def _corpora(stage: StageRecord) -> list[str]:
    given = stage.block.get("corpus") if stage.kind == "train" else stage.block.get("probe")
    return [str(one["source"]) for one in given or ()]


def _corpus_kind(source: Source, name: str) -> str:
    stage = source.find(name)
    return stage.kind if stage else "corpus"


def _ancestors(name: str | None, edges: Iterable[tuple[str, str]]) -> list[str]:
    above: dict[str, list[str]] = {}
    for start, end in edges:
        above.setdefault(end, []).append(start)
    waiting, found = [str(name)], dict.fromkeys([str(name)])
    while waiting:
        for other in above.get(waiting.pop(), ()):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return list(found)
