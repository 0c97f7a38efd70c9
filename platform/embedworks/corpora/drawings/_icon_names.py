"""What an icon's name says: a concept, what is added to it, and how it is drawn."""

from __future__ import annotations

STYLES = {"outline", "outlined", "fill", "filled", "line", "bold", "thin", "light", "duotone", "regular"}
STYLES |= {"solid", "o", "alt", "sharp", "variant"}
MODIFIERS = {"add", "alert", "arrow", "badge", "box", "cancel", "check", "circle", "clock", "cog", "delete"}
MODIFIERS |= {
    "disabled",
    "download",
    "edit",
    "export",
    "eye",
    "group",
    "heart",
    "import",
    "info",
    "key",
    "lock",
}
MODIFIERS |= {
    "minus",
    "multiple",
    "network",
    "off",
    "on",
    "pause",
    "pen",
    "pencil",
    "play",
    "plus",
    "question",
}
MODIFIERS |= {"refresh", "remove", "search", "settings", "share", "slash", "square", "star", "stop", "sync"}
MODIFIERS |= {"times", "upload", "wireless", "x", "xmark"}
DIRECTIONS = {"left", "right", "up", "down", "top", "bottom", "both", "vertical", "horizontal", "long"}
DIRECTIONS |= {"north", "south", "east", "west"}
POINTERS = {"arrow", "arrows", "chevron", "caret", "angle", "angles", "hand", "triangle"}
FRAMES = {"circle", "square"}  # some fonts put these in front: circle-arrow-left


def read_name(name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """(concept, modifiers, styles) of an icon's name.

    The concept is the words before the first modifier, and at least the first word; a pointer keeps its
    direction, which is what it shows.

    Example:
        >>> read_name("account-plus-outline")
        ('account', ('plus',), ('outline',))
        >>> read_name("circle-arrow-left")
        ('arrow-left', ('circle',), ())
        >>> read_name("file-arrow-down")
        ('file', ('arrow-down',), ())
    """
    words = [word for word in name.split("-") if word]
    styles = tuple(word for word in words[1:] if word in STYLES)
    plain = words[:1] + [word for word in words[1:] if word not in STYLES]
    if plain[0] in FRAMES and len(plain) > 1:
        plain = [*plain[1:], plain[0]]
    length = _concept_length(plain)
    return "-".join(plain[:length]), tuple(_joined(plain[length:])), styles


def _concept_length(words: list[str]) -> int:
    pointing = words[0] in POINTERS
    for index, word in enumerate(words[1:], 1):
        if word in MODIFIERS or (word in DIRECTIONS and not pointing):
            return index
    return len(words)


def _joined(words: list[str]) -> list[str]:
    """Modifiers, each arrow with its direction."""
    found: list[str] = []
    for word in words:
        if word in DIRECTIONS and found:
            found[-1] += f"-{word}"
        else:
            found.append(word)
    return found
