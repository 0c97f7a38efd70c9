"""Searching over HTTP: rooms that hold an index and the model that made its vectors, and the door to them."""
