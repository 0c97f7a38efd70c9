"""Docstrings of Python sources, parsed and never imported."""
