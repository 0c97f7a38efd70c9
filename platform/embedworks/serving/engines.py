"""The engine that a model's part of the configuration asks for."""

from __future__ import annotations

import logging
from typing import cast

import torch

from embedworks.embedder import Embedder
from embedworks.inference.auto import decide
from embedworks.inference.engine import Engine
from embedworks.inference.quality import SAME, Likeness, likeness, reference, require_alike
from embedworks.nn.precision import PRECISIONS, Precision
from embedworks.serving.config import Served

logger = logging.getLogger(__name__)

INT8_FLOOR = 0.98


def floor_of(precision: str, min_cosine: float | None) -> float:
    """The least cosine to float32 that is served: as configured, or by the precision."""
    if min_cosine is not None:
        return min_cosine
    return INT8_FLOOR if precision == "int8" else SAME


def open_engine(embedder: Embedder, served: Served) -> tuple[Engine, Likeness | None]:
    """The model's engine, and how like float32 it is where that was measured.

    Raises:
        InputError: for a backend that cannot be, or that is too far from float32.
    """
    device = "cuda" if served.num_gpus and torch.cuda.is_available() else None
    floor = floor_of(served.precision, served.min_cosine)
    if served.backend != "auto":
        engine = Engine(embedder, served.precision, device, served.backend)
    elif device:  # what there is to choose from runs on CPUs
        engine = Engine(embedder, served.precision, device)
    else:
        decision = decide(embedder, served.folder, served.precision, floor)
        engine = Engine(embedder, decision.precision, None, decision.backend)  # type: ignore[arg-type]
    # A trace or export of an architecture that we do not know may be wrong at other lengths.
    exported = engine.backend.name in ("onnx", "openvino") and not engine.backend.packs
    if engine.precision != "int8" and served.min_cosine is None and not exported:
        return engine, None
    found = likeness(engine, reference(embedder))
    what = f"{served.name} with backend {engine.backend.name} in {engine.precision}"
    logger.info("%s: cosine to float32 %s", what, found.rounded())
    require_alike(found, floor, what)
    return engine, found


def image_precision(precision: str) -> Precision:
    """Of an image tower, which is torch's alone: the text's where torch has it as such, else float32."""
    return cast(Precision, precision) if precision in PRECISIONS else "fp32"
