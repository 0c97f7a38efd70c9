"""The rooms of ``stdlib-code``, whose door is the module of that name beside this package."""
