"""Where pages come from, a module for each kind."""
