"""The rooms of ``scenes``, whose door is the module of that name beside this package."""
