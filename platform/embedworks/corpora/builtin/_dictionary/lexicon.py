"""What has to be known of all entries before the first row: what each word stands for, and the split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from embedworks.corpora.builtin._dictionary.entries import Entry
from embedworks.corpora.splitting import components, held_out


@dataclass(frozen=True)
class Lexicon:
    """All headwords.

    Attributes:
        known: A word to the headword that has its definition: itself, or what it is a form of.
        variants: A headword to the words that are only forms of it, in the order of the dictionary.
        test: Headwords held out.
    """

    known: dict[str, str]
    variants: dict[str, tuple[str, ...]]
    test: frozenset[str]


def read_lexicon(entries: Iterable[Entry], test_share: float, seed: int) -> Lexicon:
    """Read every entry once.

    Args:
        entries: In order.
        test_share: Part of the rows to hold out.
        seed: Draws the split.
    """
    defined: Counter[str] = Counter()
    forms: dict[str, list[str]] = {}
    ties: list[tuple[str, ...]] = []
    for entry in entries:
        forms.setdefault(entry.headword, []).extend(form.lower() for form in entry.forms)
        if entry.senses:
            defined[entry.headword] += 1
            ties += _ties(entry)
    known = {headword: headword for headword in defined} | _stand_ins(forms, defined)
    ties += [(headword, *_among(forms[headword], known)) for headword in defined]
    ties += [
        (headword, headword.removesuffix("s"))
        for headword in defined
        if headword.removesuffix("s") in defined
    ]
    group = components(ties)
    sizes: Counter[str] = Counter()
    for headword, rows in defined.items():
        sizes[group[headword]] += rows
    groups = held_out(sizes, test_share, seed)
    test = frozenset(headword for headword in defined if group[headword] in groups)
    return Lexicon(known, _variants(known), test)


def _ties(entry: Entry) -> Iterator[tuple[str, ...]]:
    """What puts an entry on one side with others: its spelling without hyphens, and its definitions."""
    yield entry.headword, f"spelling {re.sub('[^a-z0-9]', '', entry.headword)}"
    for sense in entry.senses:
        yield entry.headword, f"definition {sense.text.text.lower()}"


def _stand_ins(forms: dict[str, list[str]], defined: Counter[str]) -> dict[str, str]:
    """Words without a definition of their own, and the first defined word that they are a form of."""
    found = {}
    for headword, targets in forms.items():
        target = next((target for target in targets if target in defined), None)
        if headword not in defined and target is not None:
            found[headword] = target
    return found


def _among(words: Iterable[str], known: dict[str, str]) -> Iterator[str]:
    return (known[word] for word in words if word in known)


def _variants(known: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for word, headword in known.items():
        if word != headword:
            found.setdefault(headword, []).append(word)
    return {headword: tuple(words) for headword, words in found.items()}
