"""Training state on disk: in shards, named by parameter, for any number of workers and any ZeRO stage."""
