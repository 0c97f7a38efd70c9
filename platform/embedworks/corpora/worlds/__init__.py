"""Worlds: corpora that are generated row by row with known truth, one module each; see recipe.py."""
