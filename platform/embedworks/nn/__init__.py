"""Layers, encoders, poolers and heads shared by two systems or more."""
