"""Quality filters, one module each, found by name."""
