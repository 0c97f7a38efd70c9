"""Serving: OpenAI-compatible endpoints on Ray Serve."""
