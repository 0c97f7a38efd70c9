"""The rooms of ``shapes``, whose door is the module of that name beside this package."""
