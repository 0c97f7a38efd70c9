"""Vectors whose dimensions are named concepts: what they say of texts, and of how two texts match."""
