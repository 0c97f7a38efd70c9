"""The rooms of ``tabular``, whose door is the module of that name beside this package."""
