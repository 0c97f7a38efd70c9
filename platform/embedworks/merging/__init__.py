"""Merging: several embedders into one."""
