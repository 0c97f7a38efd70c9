"""How the embedder in a folder is read, and where it comes from: ``embedworks.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from embedworks import __version__
from embedworks.embedder import EmbedderSettings, Lineage
from embedworks.errors import InputError
from embedworks.folder.json_files import read_json, write_json
from embedworks.folder.modules import read_modules

SETTINGS_FILE = "embedworks.json"
IMAGE_FOLDER = "image"  # of the image tower, inside a folder that has one


def write_settings(folder: Path, settings: EmbedderSettings, lineage: Lineage) -> None:
    """Write how an embedder is read and where it comes from."""
    lineage = lineage.model_copy(update={"code_version": __version__})
    write_json(
        folder / SETTINGS_FILE,
        {"settings": settings.model_dump(mode="json"), "lineage": lineage.model_dump(mode="json")},
    )


def read_settings(folder: Path) -> tuple[EmbedderSettings, Path | None]:
    """A folder's settings, and the sub-folder of its projection if it has one."""
    told, projection = read_modules(folder)
    ours = read_json(folder / SETTINGS_FILE).get("settings")
    return (EmbedderSettings.model_validate(ours) if ours else told), projection


def common_settings(models: Sequence[Path]) -> EmbedderSettings:
    """How all the models are read: the first one's settings, with the pairs that every one was trained at.

    Of scores that the models calibrated differently, none is that of all: they are left uncalibrated.

    Raises:
        InputError: if two models pool, normalise or compare their vectors differently.
    """
    first, *others = (read_settings(model)[0] for model in models)
    for model, other in zip(models[1:], others, strict=True):
        for key in ("pooling", "normalize", "similarity", "instructions"):
            ours, theirs = getattr(first, key), getattr(other, key)
            if ours != theirs:
                raise InputError(
                    f"{model} has {key} {theirs}, and {models[0]} has {ours}", expected="models read alike"
                )
        if first.dimension_names != other.dimension_names:
            raise InputError(f"the dimensions of {model} have other names than those of {models[0]}")
    pairs = tuple(pair for pair in first.pairs if all(pair in other.pairs for other in others))
    agreed = all(other.calibration == first.calibration for other in others)
    return first.model_copy(update={"pairs": pairs, "calibration": first.calibration if agreed else None})


def read_lineage(folder: Path) -> Lineage:
    """Where the embedder in a folder comes from; empty for one that was made elsewhere."""
    return Lineage.model_validate(read_json(folder / SETTINGS_FILE).get("lineage", {}))


def has_image_tower(folder: Path) -> bool:
    """Whether a model folder embeds images as well as texts."""
    return (folder / IMAGE_FOLDER / SETTINGS_FILE).is_file()
