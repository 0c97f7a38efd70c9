"""Searching over HTTP: rooms of an index and the model that made its vectors, and the door to them."""
