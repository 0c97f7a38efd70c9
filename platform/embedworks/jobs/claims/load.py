"""Reads a claim file, and makes of each arm and seed the job that is run."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedworks.catalog import systems
from embedworks.errors import InputError, KeyPath
from embedworks.jobs.claims.checks import check_claim
from embedworks.jobs.claims.schema import Arm, Claim
from embedworks.jobs.load import LoadedJob, build_job
from embedworks.jobs.overrides import apply_overrides
from embedworks.jobs.problems import refuse
from embedworks.jobs.source import SourceMap, read_yaml
from embedworks.jobs.validate import validate_block

SUFFIX = ".claim.yaml"
MEASURED = "measured"  # the evaluate stages that are added to an arm's job


@dataclass(frozen=True)
class LoadedClaim:
    """A valid claim, where its keys stand, and where its jobs write.

    Attributes:
        claim: The claim.
        source: For messages.
        profile: The size that is run; empty for the file's own.
        output: As a job's.
        tracking: MLflow tracking URI; None for MLflow's own default.
    """

    claim: Claim
    source: SourceMap
    profile: str = ""
    output: str = "runs"
    tracking: str | None = None

    @property
    def folder(self) -> Path:
        """Where all of it is: a job for each arm and seed, and what the claim itself remembers."""
        return Path(self.output) / "claims" / "-".join(filter(None, (self.claim.name, self.profile)))

    def job(self, name: str, seed: int, *, measured: bool = False) -> LoadedJob:
        """The job of an arm at a seed; ``measured`` adds the stages that evaluate its embedder.

        Raises:
            InputError: naming the claim file's line, as for a job file.
        """
        arm = self.claim.arms[name]
        path: KeyPath = ("arms", name, "stages") if arm.stages else ("stages",)
        stages = copy.deepcopy(arm.stages or self.claim.stages or ())
        data: dict[str, Any] = {
            "name": f"{name}-{seed}",
            "seed": seed,
            "output": str(self.folder),
            "tracking": {"uri": self.tracking, "experiment": f"claim-{self.claim.name}"},
            "corpora": {key: corpus.model_dump() for key, corpus in self.claim.corpora.items()},
            "stages": [*stages, *(self._measured(arm) if measured else [])],
        }
        source = apply_overrides(data, _moved(self.source, path), self._changes(name, stages))
        return build_job(data, source)

    def _changes(self, name: str, stages: tuple[dict[str, Any], ...]) -> list[str]:
        """What the arm sets, then what the profile sets in the stages that the arm has."""
        changes = dict(self.claim.arms[name].set)
        if self.profile:
            profile = self.claim.profiles[self.profile]
            names = {stage.get("name") for stage in stages}
            changes |= {k: value for k, value in profile.set.items() if k.partition(".")[0] in names}
            changes |= profile.arms.get(name, {})
        return [f"{key}={json.dumps(value)}" for key, value in changes.items()]

    def _measured(self, arm: Arm) -> list[dict[str, Any]]:
        """An evaluate stage for each embedder that the arm is read from."""
        tasks = sorted({m.task for m in self.claim.measures.values() if m.task})
        if not tasks:
            return []
        pairs = sorted({pair for m in self.claim.measures.values() for pair in m.pairs or ()})
        read = {model: sorted(own) for model, own in arm.reads.items()}
        elsewhere = {pair for own in read.values() for pair in own}
        read[arm.model] = [pair for pair in pairs if pair not in elsewhere]
        return [
            {
                "name": f"{MEASURED}-{model}",
                "kind": "evaluate",
                "models": [model],
                "tasks": tasks,
                "pairs": own or None,
                "corpora": self.claim.evaluate_on,
            }
            for model, own in read.items()
        ]


def load_claim(slug: str, profile: str = "", **where: Any) -> LoadedClaim:
    """Read and check the claim of a system, or a claim file, with the jobs of all its arms.

    Args:
        slug: The system's, or the path of a claim file.
        profile: One of the file's; empty for its own size.
        **where: ``output`` and ``tracking``.

    Raises:
        InputError: for the first thing that is wrong, naming file, line and key.
    """
    file = claim_file(slug)
    data, source = read_yaml(file.read_text(encoding="utf-8"), str(file))
    if not isinstance(data, dict):
        raise InputError("the file holds no keys", where=str(file), expected="a claim: name, arms, rule")
    claim = validate_block(Claim, data, source)
    if profile and profile not in claim.profiles:
        known = list(claim.profiles)
        raise InputError(
            f"the claim has no profile {profile!r}", where=str(file), name=profile, known=known
        )
    loaded = LoadedClaim(_at_size(claim, profile), source, profile, **where)
    claim = loaded.claim
    jobs = {name: loaded.job(name, claim.seeds[0], measured=True).job for name in claim.arms}
    refuse(list(check_claim(claim, jobs)), source)
    return loaded


def _at_size(claim: Claim, name: str) -> Claim:
    """The claim with what a profile replaces in it; stages are changed when a job is made of them."""
    if not name:
        return claim
    profile = claim.profiles[name]
    replaced = {
        "setting": profile.about,
        "arms": {key: arm for key, arm in claim.arms.items() if key not in profile.without},
        "corpora": {**claim.corpora, **profile.corpora},
        "measures": {**claim.measures, **profile.measures},
    }
    return claim.model_copy(update=replaced)


def claim_file(slug: str) -> Path:
    """Where the claim of a system is.

    Raises:
        InputError: for an unknown system, or one without a claim.
    """
    if slug.endswith((".yaml", ".yml")):
        if not (file := Path(slug)).is_file():
            raise InputError(f"no claim file at {slug!r}", expected=f"a file {SUFFIX}, or a system's slug")
        return file
    known = claims()
    if slug not in known:
        what = f"system {slug!r} has no claim" if slug in systems() else f"unknown system {slug!r}"
        raise InputError(what, expected=f"one of {', '.join(known)}", name=slug, known=known)
    return known[slug]


def claims() -> dict[str, Path]:
    """Claim files of a checkout, by slug."""
    folder = repository() / "jobs"
    return {file.name.removesuffix(SUFFIX): file for file in sorted(folder.glob(f"*/*{SUFFIX}"))}


def repository() -> Path:
    """Where the checkout would be."""
    return Path(__file__).resolve().parents[4]


def _moved(source: SourceMap, path: KeyPath) -> SourceMap:
    """The map for a job whose stages stand at ``path`` of the claim."""
    size = len(path)
    lines = {("stages", *key[size:]): line for key, line in source.lines.items() if key[:size] == path}
    corpora = {key: line for key, line in source.lines.items() if key[:1] == ("corpora",)}
    return replace(source, lines={**corpora, **lines}, overrides={})
