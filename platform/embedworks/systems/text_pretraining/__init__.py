"""Text pre-training."""
