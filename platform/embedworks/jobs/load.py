"""Reads a job file: YAML, then ``--set``, then the schema, then what stages must agree on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedworks.errors import InputError, KeyPath
from embedworks.jobs.checks import check_job
from embedworks.jobs.explain import words
from embedworks.jobs.overrides import apply_overrides
from embedworks.jobs.problems import refuse
from embedworks.jobs.profiles import apply_profile
from embedworks.jobs.schema import Job
from embedworks.jobs.source import SourceMap, read_yaml
from embedworks.jobs.validate import validate_block

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class LoadedJob:
    """A valid job, and where each of its keys stands.

    Attributes:
        job: The job.
        source: For messages about what only a system or an engine can check; see
            :meth:`.SourceMap.locate`, :meth:`.SourceMap.blame` and :func:`.validate_block`.
    """

    job: Job
    source: SourceMap

    def path(self, stage: str, *keys: str | int) -> KeyPath:
        """The key path of something in the stage of that name: ``("stages", 0, "objective")``."""
        names = [one.name for one in self.job.stages]
        return ("stages", names.index(stage), *keys)


def load_job(file: str | Path, overrides: Iterable[str] = (), profile: str = "") -> LoadedJob:
    """Read and check a job file.

    Args:
        file: The YAML file.
        overrides: ``path=value`` each; see :mod:`.overrides`.
        profile: One of the file's, applied first; empty for the file's own size.

    Raises:
        InputError: for the first thing that is wrong, naming file, line and key.
    """
    data, source = read_yaml(_read_text(Path(file)), str(file))
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else f"the file holds {words(data)}"
        raise InputError(what, where=str(file), expected="a job: name and stages")
    if profile:
        source = apply_profile(data, source, profile)
    return build_job(data, apply_overrides(data, source, overrides))


def build_job(data: dict[str, Any], source: SourceMap) -> LoadedJob:
    """Check a job that is already data, from a command line for instance.

    Raises:
        InputError: as :func:`load_job`.
    """
    job = validate_block(Job, data, source)
    refuse(list(check_job(job)), source)
    return LoadedJob(job, source)


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", where=str(file), expected="YAML") from error
    except OSError as error:
        near = file.parent if file.parent.is_dir() else Path()
        known = [str(other) for other in near.iterdir() if other.suffix in SUFFIXES]
        raise InputError(
            f"no job file at {str(file)!r} ({error.strerror})",
            expected="a YAML file",
            name=str(file),
            known=known,
        ) from error
