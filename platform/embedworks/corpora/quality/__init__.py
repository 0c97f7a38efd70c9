"""Quality: filters that remove rows from a corpus, and say which and why."""
