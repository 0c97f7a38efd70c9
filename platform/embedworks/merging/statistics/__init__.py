"""What data-aware methods measure on each model, one module a kind of statistics."""
