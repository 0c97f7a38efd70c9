"""Rows to rows, on CPU, inside Ray Data: tokenising, masking, packing, augmenting."""
