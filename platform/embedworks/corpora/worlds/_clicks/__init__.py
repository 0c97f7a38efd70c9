"""The rooms of ``clicks``, whose door is the module of that name beside this package."""
