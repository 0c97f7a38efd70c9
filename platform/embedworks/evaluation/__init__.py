"""Evaluation through mteb's interfaces."""
