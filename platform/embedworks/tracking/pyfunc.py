"""The pyfunc flavour of an embedder. MLflow keeps this file with the model and runs it to load it."""

from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel


class EmbedderModel(PythonModel):
    """Texts to vectors."""

    def load_context(self, context: Any) -> None:
        """Open the embedder folder that was logged with the model."""
        from embedworks.embedder import Embedder
        from embedworks.inference.engine import Engine

        self.engine = Engine(Embedder.load(context.artifacts["embedder"]), "fp32")

    # No type hints: MLflow would take them for a schema, and the signature is logged with the model.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002
        """``(n, d)`` float32 vectors of a list of texts, or of a table's first column."""
        rows = model_input.iloc[:, 0] if hasattr(model_input, "iloc") else model_input
        wanted = {key: value for key, value in (params or {}).items() if value and value > 0}
        return self.engine.encode([str(row) for row in rows], **wanted)


mlflow.models.set_model(EmbedderModel())
