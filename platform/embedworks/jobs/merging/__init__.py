"""Merges in jobs: what joins merging with evaluation, and merges that measure or search."""
