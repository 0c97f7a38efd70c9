"""The rooms of ``python-docs``, whose door is the module of that name beside this package."""
