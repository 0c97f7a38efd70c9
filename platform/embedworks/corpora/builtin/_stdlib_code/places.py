"""Where the tokens of a function stand in the text that a row shows of it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Sequence

Span = tuple[int, int]  # characters of the text, the second one exclusive


class Places:
    """The lines of a file that a text shows, without their common indent.

    Args:
        lines: Of the whole file.
        shown: Numbers of the lines to show, in order, from 1.
        indent: Characters to take from each of them.
    """

    def __init__(self, lines: Sequence[str], shown: Sequence[int], indent: int) -> None:
        self.lines = lines
        self.indent = indent
        texts = [lines[number - 1][indent:].rstrip() for number in shown]
        self.text = "\n".join(texts)
        self.starts: dict[int, int] = {}
        start = 0
        for number, text in zip(shown, texts, strict=True):
            self.starts[number] = start
            start += len(text) + 1

    def span(self, line: int, column: int, end_line: int, end_column: int) -> Span | None:
        """Where a stretch of the file is in the text, or None if it is not shown.

        Args:
            line: Its first line, from 1.
            column: In bytes of UTF-8, as :mod:`ast` counts.
            end_line: Its last line.
            end_column: In bytes, exclusive.
        """
        start, end = self._offset(line, column), self._offset(end_line, end_column)
        return None if start is None or end is None or end > len(self.text) else (start, end)

    def word(self, word: str, line: int, column: int) -> Span | None:
        """The first place of ``word`` at or after a position of the file, or None if it is not shown."""
        start = self._offset(line, column)
        found = None if start is None else re.compile(rf"\b{re.escape(word)}\b").search(self.text, start)
        return found.span() if found else None

    def _offset(self, line: int, column: int) -> int | None:
        if line not in self.starts:
            return None
        text = self.lines[line - 1]
        characters = column if text.isascii() else len(text.encode()[:column].decode())
        return self.starts[line] + characters - self.indent


def comments(text: str) -> list[Span]:
    """Where comments stand in a function's text, which may be cut after any line."""
    if "#" not in text:
        return []
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                start = starts[token.start[0] - 1] + token.start[1]
                found.append((start, start + len(token.string)))
    except (tokenize.TokenError, IndentationError):  # the end of a text that is cut
        pass
    return found
