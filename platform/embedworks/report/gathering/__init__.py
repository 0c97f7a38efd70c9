"""Reads what a job left, in its folders and in MLflow, into the plain data of a report."""
