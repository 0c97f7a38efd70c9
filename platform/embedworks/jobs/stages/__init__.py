"""The stages of a job, one module a kind."""
