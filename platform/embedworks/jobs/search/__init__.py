"""Searching a job's keys: many trials of some of its stages, of which the best one stays."""
