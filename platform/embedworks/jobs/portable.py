"""A job that means the same in another directory: every path in it made absolute.

A submitted job runs on the cluster in a folder that Ray makes for it and deletes after it. What a
relative path names has to be settled before, and results have to go to a place that stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from embedworks.corpora.recipes import builtin_names
from embedworks.errors import KeyPath
from embedworks.jobs.references import corpus_references, model_references
from embedworks.jobs.schema import CurateStage, Job
from embedworks.tracking.sqlite import sqlite_file, sqlite_uri
from embedworks.tracking.tracker import default_uri


def portable_text(job: Job) -> str:
    """The job as YAML, complete and without relative paths; ``--set`` has been applied to it."""
    data = job.model_dump(mode="json", by_alias=True)
    # What a stage leaves out stays out: of some pairs of keys only one may be given.
    data["stages"] = job.model_dump(mode="json", by_alias=True, exclude_unset=True)["stages"]
    data["output"] = str(Path(job.output).expanduser().absolute())
    data["tracking"]["uri"] = _absolute_store(job.tracking.uri or default_uri())
    for index, stage in enumerate(job.stages):
        names = {other.name for other in job.stages[:index]}
        for path, text in model_references(stage):
            if text not in names:
                _set(data["stages"][index], path, _absolute_folder(text))
        own = {other.name for other in job.stages[:index] if isinstance(other, CurateStage)}
        for path, source in corpus_references(stage):
            if source not in own.union(job.corpora):
                _set(data["stages"][index], path, _absolute_source(source))
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _absolute_folder(text: str) -> str:
    """A folder that is there as an absolute path; names and addresses as they are."""
    path = Path(text).expanduser()
    return str(path.absolute()) if path.is_dir() else text


def _absolute_source(text: str) -> str:
    """A path or glob of this machine as an absolute one; built-in names and addresses as they are."""
    if "://" in text or text in builtin_names():
        return text
    path = Path(text).expanduser()
    return str(path.absolute()) if path.exists() or set(text) & set("*?[") else text


def _absolute_store(uri: str) -> str:
    file = sqlite_file(uri)
    return sqlite_uri(file) if file else uri


def _set(block: Any, path: KeyPath, value: str) -> None:
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
