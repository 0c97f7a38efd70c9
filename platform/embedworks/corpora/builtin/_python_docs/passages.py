"""Python's reference, as pydoc prints it, cut into passages of prose that know their place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from keyword import iskeyword
from typing import Literal

SHORTEST = 60  # characters of a passage
LONGEST = 120  # words of a passage
UNDERLINES = "*=-~"  # heading levels, outermost first

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "for",
        "from",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "must",
        "no",
        "not",
        "of",
        "on",
        "or",
        "should",
        "so",
        "such",
        "than",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "when",
        "which",
        "will",
        "with",
    ]
)
ADMONITION = re.compile(r"^(Note|Warning|See also|Examples?|Availability):")
BULLET = re.compile(r"^(?:\*|\d+\.|\[\d+\]|[IVX]+\.) +")
SIGNATURE = re.compile(r"^(?:(?:class|classmethod|static|async|exception) )*([A-Za-z_][\w.]*)(\(.*\))?$")
OPERAND = re.compile(r"^\((?:d|dictview)\)$")  # "len(d)" is written for dict, but is no method of it

SubjectKind = Literal["callable", "attribute", "command", "expression", "term"]


@dataclass(frozen=True)
class Subject:
    """What a stretch of the reference defines: ``str.split``, pdb's ``break``, a glossary term."""

    name: str
    kind: SubjectKind


@dataclass(frozen=True)
class Passage:
    """A paragraph, or a part of it below :data:`LONGEST` words.

    Attributes:
        text: One line of prose.
        topic: The reference topic it was read from.
        title: Headings above it, outermost first.
        subject: What is being defined around it, if anything.
        opens: What it is the first passage of.
    """

    text: str
    topic: str
    title: tuple[str, ...]
    subject: Subject | None
    opens: Literal["subject", "section", ""]


@dataclass(frozen=True)
class _Block:
    """Lines without a blank one between them, freed of their common indent."""

    indent: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return join_lines(self.lines)


def read_passages(topic: str, text: str) -> Iterator[Passage]:
    """The prose of a topic in order, without grammar, code, tables and cross-references."""
    title: list[str] = []
    scopes: list[tuple[int, Subject | None]] = []  # None: an admonition that holds links only
    opens: Literal["subject", "section", ""] = ""
    lead = ""
    blocks = [*_blocks(re.sub("`+", '"', text)), _Block(0, ())]
    for block, following in pairwise(blocks):
        if level := _heading_level(block):
            title, scopes, opens, lead = [*title[: level - 1], block.lines[0]], [], "section", ""
            continue
        if block.text.startswith("-["):  # footnotes belong to the whole topic
            title, scopes, opens = title[:1], [], ""
            continue
        scopes = [scope for scope in scopes if scope[0] < block.indent]
        opens = "" if opens == "subject" and not scopes else opens
        if block.lines[0].startswith("See also"):
            scopes.append((block.indent, None))
        elif _names_something(block, following):
            scopes.append((block.indent, _subject(block, topic, scopes)))
            opens, lead = "subject", ""
        elif all(subject for _, subject in scopes):
            innermost = scopes[-1][1] if scopes else None
            if opens == "subject" and len(block.text) < SHORTEST and following.indent == block.indent:
                lead = block.text + " "  # "Return x." says most where it stands, but not on its own
                continue
            for piece in _pieces(block, lead):
                yield Passage(piece, topic, tuple(title), innermost, opens)
                opens = ""
            lead = ""


def split_sentences(text: str) -> list[str]:
    """Cut where a sentence ends, but not after abbreviations or inside brackets."""
    whole: list[str] = []
    for part in re.split(r"(?<=[.!?])\)?\s+(?=[A-Z“\"(])", text):
        if whole and (re.search(r"\b(e\.g|i\.e|etc|cf)\.$", whole[-1]) or _unclosed(whole[-1])):
            whole[-1] += " " + part
        else:
            whole.append(part)
    return whole


def join_lines(lines: tuple[str, ...]) -> str:
    """Wrapped lines to one, without footnote marks and emphasis."""
    text = re.sub(r"\s+", " ", re.sub(r"(?<=\w)-\n\s*(?=[a-z])", "-", "\n".join(lines)))
    text = re.sub(r" ?\[\d+\](?=[\s.,;)]|$)", "", text)
    return re.sub(r"(?<![\w*\"'])(\*{1,2})(?=\w)([^*]*[\w:.)])\1(?![\w*\"'])", r"\2", text).strip()


def _blocks(text: str) -> Iterator[_Block]:
    for part in re.split(r"\n(?:[ \t]*\n)+", text.strip("\n")):
        lines = part.split("\n")
        indents = [len(line) - len(line.lstrip()) for line in lines]
        margin = min(indents)
        starts = [0, *(i for i, line in enumerate(lines) if i and _starts_item(lines, i, margin))]
        for start, end in pairwise([*starts, len(lines)]):
            yield from _definition(margin, [line[margin:] for line in lines[start:end]])


def _starts_item(lines: list[str], index: int, margin: int) -> bool:
    """Whether another bullet begins here, or another entry of a definition list."""
    line, before = lines[index][margin:], lines[index - 1][margin:]
    return bool(BULLET.match(line)) or (line[:1] not in ("", " ") and before.startswith("  "))


def _definition(indent: int, lines: list[str]) -> Iterator[_Block]:
    """A definition list's entry is a name and, indented below it, what it means: two blocks."""
    body = [line for line in lines[1:] if line.startswith("  ")]
    if body and len(body) == len(lines) - 1 and not BULLET.match(lines[0]):
        margin = min(len(line) - len(line.lstrip()) for line in body)
        yield _Block(indent, (lines[0],))
        yield _Block(indent + margin, tuple(line[margin:] for line in body))
    else:
        yield _Block(indent, tuple(lines))


def _heading_level(block: _Block) -> int:
    """1 for the outermost heading, 0 for what is none."""
    if block.indent or len(block.lines) != 2 or len(set(block.lines[1])) != 1:
        return 0
    return UNDERLINES.find(block.lines[1][0]) + 1


def _names_something(block: _Block, following: _Block) -> bool:
    """Whether the block is a signature or a term, and the next one tells what it means."""
    return (
        len(block.lines) <= 6
        and not ADMONITION.match(block.lines[0])
        and not block.text.endswith((":", ".", ","))
        and "::=" not in block.text
        and following.indent > block.indent
        and not _is_prose(block.text)
        and _is_prose(following.text)
    )


def _subject(block: _Block, topic: str, scopes: list[tuple[int, Subject | None]]) -> Subject:
    outer = scopes[-1][1] if scopes else None
    if topic == "debugger" and not block.lines[0].startswith(("pdb.", "class ")) and outer is None:
        longer = re.match(r"\w+ \| (\w+)$", block.lines[0])
        return Subject(
            longer[1] if longer else re.sub(r"[()]", "", block.lines[0].split(" ")[0]), "command"
        )
    signatures = [match for line in block.lines if (match := SIGNATURE.match(line.strip()))]
    if not signatures:
        return _term(block, outer)
    names = list(dict.fromkeys(match[1] for match in signatures))
    called = any(match[2] for match in signatures)
    if OPERAND.match(signatures[0][2] or ""):
        return _expression(block, outer)
    if outer and "." not in names[0]:
        names = [f"{outer.name}.{name}" for name in names]
    elif not called and "." not in names[0]:
        return _term(block, outer)
    return Subject(" and ".join(names[:2]), "callable" if called else "attribute")


def _term(block: _Block, outer: Subject | None) -> Subject:
    name = block.text.replace('"', "").strip("* ")
    return _expression(block, outer) if re.search(r"[\[|=]| in d", name) else Subject(name, "term")


def _expression(block: _Block, outer: Subject | None) -> Subject:
    return Subject(block.lines[0] + (f" on a {outer.name}" if outer else ""), "expression")


def _is_prose(text: str) -> bool:
    """Code, grammar and tables have few of the words that hold English together."""
    words = re.findall(r"[A-Za-z]+", text)
    if len(words) < 4 or text[0] in "+|" or re.search("::=|>>>| # |^class ", text):
        return False
    if text[0].islower() and not text.endswith("."):
        return False
    if sum(map(iskeyword, words)) > 0.5 * len(words):
        return False
    return sum(word.lower() in STOP_WORDS for word in words) >= 0.15 * len(words)


def _pieces(block: _Block, lead: str) -> Iterator[str]:
    text = BULLET.sub("", ADMONITION.sub("", block.text).strip()).replace(
        "CPython implementation detail: ", ""
    )
    if not _is_prose(text):
        return
    parts = split_sentences(lead + text)
    if parts[-1].endswith(":"):  # it introduces an example that is not here
        parts.pop()
    piece: list[str] = []
    for part in [*parts, ""]:
        if piece and (not part or len(" ".join([*piece, part]).split()) > LONGEST):
            whole = " ".join(piece)
            if len(whole) >= SHORTEST:
                yield whole
            piece = []
        piece.append(part)


def _unclosed(text: str) -> bool:
    return text.count("(") > text.count(")")
