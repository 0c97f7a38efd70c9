"""The rooms of ``dictionary``, whose door is the module of that name beside this package."""
