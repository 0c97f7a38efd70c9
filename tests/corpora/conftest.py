"""A bucket on this machine: moto's S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

_numbers = count(1)


@dataclass
class Bucket:
    """An empty bucket for one test.

    Attributes:
        uri: ``s3://name``; the endpoint comes from the environment.
        query: The endpoint as a URI's options, for those who have no such environment.
    """

    client: Any
    name: str
    query: str

    @property
    def uri(self) -> str:
        return f"s3://{self.name}"

    def upload(self, folder: Path, prefix: str) -> None:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                key = f"{prefix}/{file.relative_to(folder)}"
                self.client.put_object(Bucket=self.name, Key=key, Body=file.read_bytes())


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint, monkeypatch) -> Bucket:
    import boto3

    for key, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": s3_endpoint,
    }.items():
        monkeypatch.setenv(key, value)
    client = boto3.client("s3")
    # A name of its own: filesystems are kept by bucket for as long as the process lives.
    name = f"bucket-{next(_numbers)}"
    client.create_bucket(Bucket=name)
    return Bucket(client, name, f"?endpoint_override={s3_endpoint}&region=us-east-1")
