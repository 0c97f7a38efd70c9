"""Training: Ray Train workers, each with a DeepSpeed engine."""
