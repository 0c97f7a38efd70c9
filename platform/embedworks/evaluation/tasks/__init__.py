"""Offline tasks built from the corpora, found by name."""
