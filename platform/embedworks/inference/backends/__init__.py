"""The ways to run an encoder: one file a backend, opened by name in :mod:`.opening`."""
