"""Corpora: readers, shards and manifests, order, and the built-in corpora."""
