"""Published systems: one paper, one module, found by name."""
