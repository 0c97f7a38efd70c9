"""What a configuration says of change: what is followed, who gets a new version first, what it passes."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from embedworks.errors import InputError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Follow(_Part):
    """An alias of a model registry is looked at again and again, and the endpoint rolls when it moves."""

    every_s: float = Field(default=10, gt=0, description="between two looks")


class Variant(_Part):
    """Another version of a model, beside it, for a share of its requests."""

    source: str = Field(min_length=1, description="as a model's")
    share: float = Field(gt=0, le=1, description="of the clients of a canary, of the requests of a shadow")
    replicas: int = Field(default=1, ge=1)


class Checks(_Part):
    """What a version must pass beyond the checks that all pass: paraphrases must lie near each other.

    ``pairs`` is a file of ``text<TAB>paraphrase`` lines, or the pairs themselves.
    """

    pairs: tuple[tuple[str, str], ...] = Field(min_length=1, max_length=1000)
    least_cosine: float = Field(default=0.5, ge=-1, le=1, description="of every pair")

    @field_validator("pairs", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        return read_pairs(Path(value).expanduser()) if isinstance(value, str) else value


def read_pairs(file: Path) -> list[tuple[str, str]]:
    """The pairs of a file of ``text<TAB>paraphrase`` lines.

    Raises:
        InputError: naming file and line.
    """
    if not file.is_file():
        raise InputError(f"no file of pairs at {str(file)!r}", expected="text<TAB>paraphrase lines")
    pairs = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            left, tab, right = line.partition("\t")
            if not tab or not left.strip() or not right.strip():
                raise InputError("no pair", where=f"{file}:{number}", expected="text<TAB>paraphrase")
            pairs.append((left.strip(), right.strip()))
    return pairs
