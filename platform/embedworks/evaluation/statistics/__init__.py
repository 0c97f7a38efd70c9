"""Whether a difference between two models is more than chance, and what else numbers say of a model."""
