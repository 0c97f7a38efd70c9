"""Jobs: the schema of the job file and the runner of its stages."""
