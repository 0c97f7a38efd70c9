"""The reading side of an index: its records, exact and approximate search, its map. No Ray, no HTTP."""
