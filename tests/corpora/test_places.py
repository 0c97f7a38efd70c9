from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from embedworks.corpora import places
from embedworks.corpora.places import Place
from embedworks.corpora.readers import find_files
from embedworks.errors import InputError

URIS = [
    "s3://bucket/docs/a.parquet",
    "s3://bucket/docs/a.parquet?endpoint_override=http://127.0.0.1:9&region=us-east-1",
    "gs://bucket/docs/*.parquet",
    "az://container/docs",
    "hf://datasets/owner/name@main/data/a.parquet",
    "http://host/a.parquet?token=1",
    "https://host/folder",
    "memory://folder/a.txt",
    "file:///tmp/with%20space.txt",
]


@pytest.mark.parametrize("uri", URIS)
def test_a_uri_survives_the_way_through_a_place_and_a_pickle(uri):
    place = pickle.loads(pickle.dumps(Place.of(uri)))
    assert place.uri == uri
    assert Place.of(place.uri) == place


def test_other_names_of_a_scheme_are_the_same_place():
    assert Place.of("gcs://bucket/x") == Place.of("gs://bucket/x")
    assert Place.of("abfs://container/x") == Place.of("az://container/x")


def test_a_relative_path_becomes_absolute_and_shows_as_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = Place.of("docs/a b.txt")
    assert str(place) == str(tmp_path / "docs" / "a b.txt")
    assert place.local == Path(str(place))
    assert Place.of(place.uri) == place


def test_a_child_keeps_the_options_of_its_parent():
    child = Place.of("s3://bucket/docs?region=eu-west-1") / "manifest.json"
    assert child.uri == "s3://bucket/docs/manifest.json?region=eu-west-1"
    assert child.name == "manifest.json"
    assert (Place.of("http://host/docs") / "a.parquet").uri == "http://host/docs/a.parquet"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s4://bucket/x", "did you mean 's3'"),
        ("s3:///x", "names no bucket"),
        ("s3://key:secret@bucket/x", "holds a password"),
        ("https://user:secret@host/x", "holds a password"),
    ],
)
def test_a_uri_that_cannot_be_read_is_refused_without_its_password(uri, message):
    with pytest.raises(InputError, match=message) as error:
        Place.of(uri)
    assert "secret" not in str(error.value)


def test_an_option_that_the_filesystem_does_not_know_is_refused():
    with pytest.raises(InputError, match=r"s3://bucket/x\?endpt=y.*endpt"):
        Place.of("s3://bucket/x?endpt=y").info()


def test_azure_without_an_account_says_what_it_needs(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    with pytest.raises(InputError, match="expected AZURE_STORAGE_ACCOUNT"):
        Place.of("az://container/x").info()


def test_a_server_that_does_not_answer_is_named():
    with pytest.raises(InputError, match=r"http://127\.0\.0\.1:9/x"):
        Place.of("http://127.0.0.1:9/x").read_bytes()


def test_a_hub_that_does_not_answer_is_named(monkeypatch):
    from huggingface_hub import constants, hf_file_system

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    files = hf_file_system.HfFileSystem(endpoint="http://127.0.0.1:9", skip_instance_cache=True)
    monkeypatch.setattr(places, "_fsspec", lambda scheme: files)
    places._filesystem.cache_clear()
    with pytest.raises(InputError, match=r"hf://datasets/owner/name.*HF_ENDPOINT"):
        find_files("hf://datasets/owner/name")
    places._filesystem.cache_clear()
