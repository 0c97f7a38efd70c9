"""Optimizers, which parameters they update how, and how their rates change."""
