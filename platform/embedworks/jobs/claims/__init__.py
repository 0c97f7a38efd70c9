"""Claims: experiments that compare a system with its baselines and can fail."""
