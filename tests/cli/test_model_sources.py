"""Folders and versions out of a real registry, also from another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import mlflow
import pytest

from embedworks.cli.model_sources import ModelSources
from embedworks.errors import InputError
from embedworks.folder import weights_digest
from embedworks.serving.config import ServedModel
from embedworks.serving.finding import find_revision
from embedworks.tracking.registry import register
from embedworks.tracking.tracker import Tracker
from helpers.tiny import tiny_embedder

DOCS = ServedModel(name="docs", source="models:/docs@champion")


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two versions of ``docs``."""
    place = tmp_path_factory.mktemp("mlflow")
    store = f"sqlite:///{place}/mlflow.db"
    tracker = Tracker(store, "tests")
    run = tracker.start("stage", {})
    for seed, alias in ((1, "champion"), (2, "challenger")):
        folder = tiny_embedder(place / str(seed), layers=1, seed=seed)
        model = tracker.log_embedder(run, folder, "docs", {}, step=seed)
        register(tracker.client, model, run, "docs", alias, {})
    return store


def test_an_alias_is_pinned_to_the_version_that_it_leads_to(uri: str, tmp_path: Path) -> None:
    sources = pickle.loads(pickle.dumps(ModelSources(uri)))
    assert sources.version("models:/docs@champion") == "1"
    assert sources.version("models:/docs/2") == "2"
    first = find_revision(DOCS, "models:/docs@champion", sources)
    assert (first.source, first.version) == ("models:/docs/1", "1")
    mlflow.MlflowClient(uri, registry_uri=uri).set_registered_model_alias("docs", "champion", "2")
    second = find_revision(DOCS, "models:/docs@champion", sources)
    assert (second.source, second.version) == ("models:/docs/2", "2")
    assert weights_digest(first.folder) != weights_digest(second.folder)
    folder = tiny_embedder(tmp_path / "plain", layers=1)
    plain = find_revision(DOCS, str(folder), sources)
    assert (plain.folder, plain.version) == (folder.resolve(), weights_digest(folder)[:12])


def test_what_is_not_there_is_named(uri: str) -> None:
    with pytest.raises(InputError, match="did you mean 'champion'"):
        ModelSources(uri).version("models:/docs@champ")
    with pytest.raises(InputError, match="did you mean 'docs'"):
        ModelSources(uri).version("models:/doc@champion")
    with pytest.raises(InputError, match="no address"):
        ModelSources(uri).version("models:docs")
