"""embedworks: one job file takes sharded corpora to a served embedder."""

__version__ = "0.1.0"
