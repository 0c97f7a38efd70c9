"""The prose of a README, whether it is written in Markdown, reStructuredText or HTML."""

from __future__ import annotations

import html
import re

MIN_CHARACTERS = 40  # of a paragraph; what is shorter are titles, badges and rows of links
MIN_WORDS = 6

_DROPPED = (
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)[^\n]*$", re.DOTALL | re.MULTILINE),
    re.compile(
        r"<(?P<tag>pre|table|style|script|summary|h[1-6])\b.*?</(?P=tag)>", re.DOTALL | re.IGNORECASE
    ),
    # A directive or comment of reStructuredText, with the indented block below it.
    re.compile(r"^\.\. [^\n]*(?:\n(?:[ \t]+[^\n]*)?(?=\n|$))*", re.MULTILINE),
    re.compile(r"^\[[^\]\n]+\]: [^\n]*$", re.MULTILINE),  # targets of Markdown links
)
_INLINE = (
    (re.compile(r"\[?!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])(?:\](?:\([^)]*\)|\[[^\]]*\]))?"), ""),  # pictures
    (re.compile(r"</?[A-Za-z][^>\n]*>"), ""),
    (re.compile(r"\|[A-Za-z][\w .-]*\|_?"), ""),  # substitutions
    (re.compile(r"\[([^\]\n]+)\](?:\([^)\n]*\)|\[[^\]\n]*\])"), r"\1"),
    (re.compile(r"\[([A-Za-z][^\]\n]*)\]"), r"\1"),
    (re.compile(r"(?<!\w)([A-Za-z](?:[\w-]*[A-Za-z0-9])?)_{1,2}(?=[\s.,;)]|$)"), r"\1"),
    (re.compile(r"`([^`<\n]+?) *<[^>\n]+>`_{1,2}"), r"\1"),
    (re.compile(r":[a-z:]+:`~?([^`]+)`"), r"\1"),
    (re.compile(r"`+([^`]+)`+_{0,2}"), r"\1"),
    (re.compile(r"(\*\*|(?<![\w*_])(?:\*|_(?!_)))(?=\S)(.+?)(?<=[^\s_])\1(?!\w)"), r"\2"),
    (re.compile(r"<?https?://[^\s>)]+>?"), ""),
    (re.compile(r"\(\s*\)|\[\s*\]"), ""),
    (re.compile(r"\\(?=[\W_])"), ""),
    (re.compile(r"\s+"), " "),
    (re.compile(r" (?=[,.;:!?)])"), ""),
)
_RULE = re.compile(r"([=\-~^\"'#*+.`_:])\1{2,}\s*")
_NO_PROSE = re.compile(
    r"\||>>>|\$ |#+ |[-+=]{3}|[\w.-]+==|@|\.\.|:\w+:|\w+ = |%|Copyright|import |from \w+ import "
)
_QUOTE = re.compile(r"^\s{0,3}(?:>\s?)?(?:\[![A-Z]+\]\s*)?", re.MULTILINE)
_BULLET = re.compile(r"^(?:[-*+•]|\d+\.)\s+")


def readme_paragraphs(text: str) -> list[str]:
    """Paragraphs of prose in order, each in one line: without code, tables, titles, badges and lists.

    Args:
        text: The whole README.
    """
    text = html.unescape(text.replace("\r\n", "\n")).replace("\N{NO-BREAK SPACE}", " ")
    text = text.replace("\N{REPLACEMENT CHARACTER}", "")  # letters that its own wheel has lost
    for pattern in _DROPPED:
        text = pattern.sub("", text)
    text = _QUOTE.sub(lambda found: found[0] if found[0].isspace() else "", text)
    blocks = re.split(r"\n[ \t]*\n|<br\s*/?>\s*\n|</p>", text)
    found = [plain for block in blocks if (plain := _plain(block))]
    return list(dict.fromkeys(found))


def _plain(block: str) -> str:
    """A block in one line, if it is prose; otherwise nothing."""
    lines = block.strip("\n").splitlines()
    if not lines or lines[0].startswith(("    ", "\t")):
        return ""
    kept = _without_titles(lines)
    if not kept or _BULLET.match(kept[0].lstrip()) or _NO_PROSE.match(kept[0].lstrip()):
        return ""
    text = " ".join(line.strip() for line in kept)
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    text = text.replace("::", ":").strip(" :-|")
    enough = len(text) >= MIN_CHARACTERS and len(text.split()) >= MIN_WORDS
    return text if enough and _letters(text) > 0.7 else ""


def _without_titles(lines: list[str]) -> list[str]:
    """Lines that are neither a title nor its underline."""
    kept: list[str] = []
    for line in lines:
        if _RULE.fullmatch(line.strip()):
            kept = []
        elif not re.match(r"\s{0,3}#{1,6} ", line):
            kept.append(line)
    return kept


def _letters(text: str) -> float:
    return sum(character.isalpha() or character == " " for character in text) / len(text)
