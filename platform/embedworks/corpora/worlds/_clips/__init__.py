"""The rooms of ``clips``, whose door is the module of that name beside this package."""
