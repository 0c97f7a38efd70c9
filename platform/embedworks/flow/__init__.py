"""Dialogs as flow graphs: steps, then a weighted graph (Dialog2Flow, arXiv 2410.18481)."""
