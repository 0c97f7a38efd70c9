"""Losses shared by two systems or more."""
