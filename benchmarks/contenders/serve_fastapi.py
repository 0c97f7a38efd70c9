"""sentence-transformers in FastAPI, as its users write it: one endpoint, which FastAPI runs in a thread."""

# Without postponed annotations: FastAPI would look for the request's class among the globals.
import sys
from typing import Any

from _serving import HOST, parse, run


def serve(model: str, port: int) -> None:
    """Serve until stopped."""
    import uvicorn
    from fastapi import FastAPI
    from pydantic import BaseModel
    from sentence_transformers import SentenceTransformer

    app, encoder = FastAPI(), SentenceTransformer(model)

    class Request(BaseModel):
        model: str
        input: str | list[str]

    @app.post("/v1/embeddings")
    def embeddings(request: Request) -> dict[str, Any]:
        texts = [request.input] if isinstance(request.input, str) else request.input
        vectors = encoder.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        data = [{"object": "embedding", "index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
        return {"object": "list", "data": data, "model": request.model}

    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        task = parse()
        command = [sys.executable, __file__, "--serve", str(task.model), str(task.port)]
        run("sentence-transformers in FastAPI", command, task)
