"""The rooms of ``pages``, whose door is the module of that name beside this package."""
