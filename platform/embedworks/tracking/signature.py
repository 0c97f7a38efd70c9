"""What a logged embedder takes and gives."""

from __future__ import annotations

from typing import Any

REQUIREMENTS = ["embedworks", "torch", "transformers", "safetensors", "mlflow"]


def signature() -> Any:
    """Texts in, vectors out; ``layers`` and ``dimensions`` as parameters, -1 for all."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

    return ModelSignature(
        inputs=Schema([ColSpec(DataType.string)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, -1))]),
        params=ParamSchema(
            [ParamSpec("layers", DataType.long, -1), ParamSpec("dimensions", DataType.long, -1)]
        ),
    )
