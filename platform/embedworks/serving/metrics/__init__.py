"""What is counted of an endpoint, process by process, and added up for Prometheus and ``serve status``."""
