"""An embedder run fast."""
