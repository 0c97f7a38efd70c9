"""A job that means the same in another directory: every path in it made absolute.

A submitted job runs on the cluster in a folder that Ray makes for it and deletes after it. What a
relative path names has to be settled before, and results have to go to a place that stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from embedworks.jobs.references import corpora_of, model_references
from embedworks.jobs.schema import Job
from embedworks.jobs.source import KeyPath
from embedworks.tracking.tracker import default_uri


def portable_text(job: Job) -> str:
    """The job as YAML, complete and without relative paths; ``--set`` has been applied to it."""
    data = job.model_dump(mode="json", by_alias=True)
    data["output"] = str(Path(job.output).expanduser().absolute())
    data["tracking"]["uri"] = _absolute_store(job.tracking.uri or default_uri())
    for index, stage in enumerate(job.stages):
        names = {other.name for other in job.stages[:index]}
        for path, text in model_references(stage):
            if text not in names:
                _set(data["stages"][index], path, _absolute_folder(text))
        for corpus in _blocks(data["stages"][index], "corpus", "probe") if corpora_of(stage) else ():
            corpus["source"] = _absolute_folder(corpus["source"])
        tasks: dict[str, str] = data["stages"][index].get("corpora", {})
        tasks.update({name: _absolute_folder(source) for name, source in tasks.items()})
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _absolute_folder(text: str) -> str:
    """A folder that is there as an absolute path; names and addresses as they are."""
    path = Path(text).expanduser()
    return str(path.absolute()) if path.is_dir() else text


def _absolute_store(uri: str) -> str:
    prefix, file = "sqlite:///", uri.removeprefix("sqlite:///")
    return f"{prefix}{Path(file).absolute()}" if uri.startswith(prefix) else uri


def _blocks(stage: dict[str, Any], *keys: str) -> list[dict[str, Any]]:
    found = [stage[key] for key in keys if stage.get(key)]
    return [block for one in found for block in (one if isinstance(one, list) else [one])]


def _set(block: Any, path: KeyPath, value: str) -> None:
    for key in path[:-1]:
        block = block[key]
    block[path[-1]] = value
