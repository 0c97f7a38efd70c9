"""Systems that bring images and texts to one space."""
