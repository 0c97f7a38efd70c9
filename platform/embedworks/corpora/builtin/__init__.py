"""Built-in corpora that are made from what a Python installation holds, one module each; see recipe.py."""
