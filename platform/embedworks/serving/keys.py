"""API keys: made once, kept as digests, checked in constant time.

A key is ``ew-ID-SECRET`` with 256 random bits of secret. A password needs a slow hash because it can be
guessed; this secret cannot, so a fast one keyed with a salt of its own is as safe, and costs a request
microseconds: BLAKE2b (RFC 7693) keyed with 128 random bits.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from embedworks.errors import InputError, first_line
from embedworks.serving.refusals import ApiError

DEFAULT_FILE = "keys.yaml"
PREFIX = "ew"
SECRET_BYTES = 32
PURPOSE = b"embedworks-key"
HEX = r"^[0-9a-f]+$"
HEADER = "# API keys of an endpoint, as digests. Written by `embedworks serve keys`.\n"


class Key(BaseModel):
    """One key as it is kept: whoever reads it cannot use it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w.@-]+$")
    id: str = Field(pattern=HEX, min_length=8, max_length=32)
    salt: str = Field(pattern=HEX, min_length=32, max_length=64)
    digest: str = Field(pattern=HEX, min_length=64, max_length=64)
    requests_per_minute: int | None = Field(default=None, ge=1)
    tokens_per_minute: int | None = Field(default=None, ge=1)
    created: int = Field(default=0, description="Unix time")

    def fits(self, secret: str) -> bool:
        """Whether it is this key's secret."""
        return hmac.compare_digest(_digest(secret, self.salt), self.digest)


def make_key(
    name: str, requests_per_minute: int | None = None, tokens_per_minute: int | None = None
) -> tuple[str, Key]:
    """A new key: what its owner sends, which is nowhere else, and what is kept.

    Raises:
        InputError: for a name or a quota that cannot be.
    """
    identity, salt = secrets.token_hex(6), secrets.token_hex(16)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    try:
        key = Key(
            name=name,
            id=identity,
            salt=salt,
            digest=_digest(secret, salt),
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            created=int(time.time()),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"the key's {first['loc'][0]} cannot be: {first['msg']}") from None
    return f"{PREFIX}-{identity}-{secret}", key


class KeyRing:
    """The keys of an endpoint.

    Args:
        keys: Those that are let in.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = {key.id: key for key in keys}
        _, self._nobody = make_key("nobody")

    def find(self, headers: Mapping[bytes, bytes]) -> Key:
        """The key that a request carries.

        Raises:
            ApiError: 401 for none or a wrong one.
        """
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorised("you must provide an API key, as `Authorization: Bearer KEY`", None)
        prefix, _, rest = token.strip().partition("-")
        identity, _, secret = rest.partition("-")
        # An unknown id takes the same time as a wrong secret.
        key = self._keys.get(identity, self._nobody)
        if not key.fits(secret) or key is self._nobody or prefix != PREFIX:
            raise _unauthorised("the API key is not one of this endpoint", "invalid_api_key")
        return key


def load_keys(file: Path) -> list[Key]:
    """The keys of a file.

    Raises:
        InputError: for a file that is missing, broken, or open to others.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or []
    except OSError as error:
        expected = "`embedworks serve keys add NAME` first"
        raise InputError(f"no keys at {str(file)!r}: {error.strerror}", expected=expected) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"not YAML: {first_line(error)}", where=str(file)) from error
    if mode & 0o077:
        raise InputError(f"{file} is open to others (mode {mode:o})", expected=f"`chmod 600 {file}`")
    if not isinstance(values, list):
        raise InputError(
            "keys are a list", where=str(file), expected="a file of `embedworks serve keys add`"
        )
    try:
        return [Key.model_validate(value) for value in values]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InputError(f"{first['loc']}: {first['msg']}", where=str(file)) from None


def add_key(file: Path, key: Key) -> None:
    """Put a key in a file, which is made if need be, for its owner alone.

    Raises:
        InputError: where the name is taken.
    """
    with _locked(file):
        keys = load_keys(file) if file.exists() else []
        if any(one.name == key.name for one in keys):
            raise InputError(f"{file} has a key {key.name!r} already", expected="another name")
        _write(file, [*keys, key])


def remove_key(file: Path, name: str) -> None:
    """Take a key out of a file.

    Raises:
        InputError: for a name that is not there, with the nearest one.
    """
    with _locked(file):
        keys = load_keys(file)
        known = [key.name for key in keys]
        if name not in known:
            raise InputError(f"{file} has no key {name!r}", name=name, known=known)
        _write(file, [key for key in keys if key.name != name])


def _digest(secret: str, salt: str) -> str:
    return hashlib.blake2b(
        secret.encode("utf-8", "replace"), digest_size=32, key=bytes.fromhex(salt), person=PURPOSE
    ).hexdigest()


def _unauthorised(message: str, code: str | None) -> ApiError:
    return ApiError(401, message, code=code, headers={"www-authenticate": "Bearer"})


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Two commands at a time would lose one's key; the folder is what both can lock."""
    file.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: Path, keys: Sequence[Key]) -> None:
    """Replace the file in one step; it never exists with a wider mode or half of its keys."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        rows = [key.model_dump(exclude_none=True) for key in keys]
        out.write(HEADER + yaml.safe_dump(rows, sort_keys=False))
    fresh.replace(file)
