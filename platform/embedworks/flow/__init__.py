"""Dialogs as flow graphs: utterances to steps, steps to a weighted graph (Dialog2Flow, arXiv 2410.18481)."""
