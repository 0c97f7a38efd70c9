"""What is told of single requests: traces and lines of a log. Neither holds a text, a vector or a key."""
