"""Whole corpora to vectors."""
