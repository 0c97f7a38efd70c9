"""The rooms of ``dialogs``, whose door is the module of that name beside this package."""
