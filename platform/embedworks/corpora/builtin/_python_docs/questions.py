"""Questions that a passage of Python's reference answers, made by rule from its words and its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from embedworks.corpora.builtin._python_docs.passages import Passage, split_sentences

# Words of a heading that keep their capital inside a question.
PROPER = frozenset(["None", "NotImplemented", "Ellipsis", "Python", "Unicode"])
UNSPECIFIC = frozenset({"overview", "methods", "patterns", "special attributes", "format examples"})
GERUND = re.compile(r"(?:creat|customiz|determin|emulat|execut|implement|invok|prepar|resolv)ing ")
# A sentence that begins so has no subject that could be asked about.
NO_SUBJECT = (
    "if when while for in on as at by with after before otherwise note this that these those it they there "
    "such see one each every all some any most both other also however thus therefore since because first "
    "second you he we here and or but where which return returns same only non"
)
NOUN = (
    rf"(?!(?i:{'|'.join(NO_SUBJECT.split())})\b)"
    r"(?:(?:An?|The) )?[\w\"][\w\"()’.-]*(?: (?!is |are |can |may |must )[\w\"()’.-]+){0,4}"
)
CLAUSE = r"[^,;:()“”]{12,90}"
EXCEPTION = r"\"(?P<name>[A-Z]\w*(?:Error|Exception|Warning|Iteration|Interrupt|Exit))\""

# kind -> (pattern of a sentence, question). {about} is what the passage is about; {inside} is
# " in {about}" unless the question names it anyway.
RULES = {
    "version": (r"^Changed in version (?P<name>[\d.]+\d)", "What changed about {about} in Python {name}?"),
    "added": (r"^New in version (?P<name>[\d.]+\d)", "What came to {about} with Python {name}?"),
    "used": (rf"^(?P<noun>{NOUN}) (?P<be>is|are) used (?:to|for)\b", "What {be} {noun} used for?"),
    "meaning": (
        rf"^(?P<noun>{NOUN}) (?P<be>is|are) (?:an?|the|those|objects|created|called|represented)\b",
        "What {be} {noun}{inside}?",
    ),
    "if": (rf"^If (?P<clause>{CLAUSE}),", "What happens{inside} if {clause}?"),
    "when": (rf"^When (?P<clause>{CLAUSE}),", "What happens{inside} when {clause}?"),
    "raised": (rf"^(?=.*\brais).*?{EXCEPTION}", "When is {name} raised in {about}?"),
    "must": (rf"^(?P<noun>(?:An?|The) {NOUN}) (?:must|should) be\b", "What must {noun} be{inside}?"),
}


@dataclass(frozen=True)
class Question:
    """One question about a passage.

    Attributes:
        text: The question.
        kind: The rule that made it.
        sentence: The sentence it was made from, which the answer cannot do without.
    """

    text: str
    kind: str
    sentence: int = 0


def ask(passage: Passage) -> Iterator[Question]:
    """Every question that the rules find for a passage, the best first."""
    if passage.opens == "subject" and passage.subject:
        yield from _about_subject(passage)
    elif passage.opens == "section":
        yield _about_section(passage)
    for index, sentence in enumerate(split_sentences(passage.text)):
        yield from _about_sentence(sentence, index, passage)


def keywords(passage: Passage, frequency: Mapping[str, int]) -> Question:
    """What one might type into a search box: the place, and telling words of the passage in their order.

    Args:
        passage: The passage.
        frequency: word -> passages that it occurs in.
    """
    here = about(passage)
    quoted = set(content_words(" ".join(re.findall(r'"([^"]+)"', passage.text))))
    fresh = [word for word in dict.fromkeys(content_words(passage.text)) if word not in here.lower()]

    def telling(word: str) -> tuple[bool, bool, int, str]:
        # Names in quotes first; then what few passages have, but more than one: that is vocabulary.
        return (word not in quoted, frequency[word] == 1, frequency[word], word)

    chosen = set(sorted(fresh, key=telling)[:4])
    return Question(" ".join([here, *(word for word in fresh if word in chosen)]), "keywords")


def content_words(text: str) -> list[str]:
    """Lower-case words and dotted names of four letters or more."""
    return [word.lower().strip("_") for word in re.findall(r"[A-Za-z_]\w{3,}(?:\.[a-z]\w+)*", text)]


def about(passage: Passage) -> str:
    """What a passage is about, as a noun."""
    if passage.subject is None:
        return _title(passage)
    name = passage.subject.name
    return {"command": f"the pdb command {name}", "term": title_words(name)}.get(passage.subject.kind, name)


def title_words(title: str) -> str:
    """A heading as it reads in the middle of a sentence."""
    words = re.sub(r'"|\*(?=\w)|(?<=\w)\*', "", title).replace(" — ", ", ").split()
    return " ".join(w if w in PROPER or w[1:] != w[1:].lower() else w[0].lower() + w[1:] for w in words)


def vary(key: str, choices: list[str]) -> str:
    """One of ``choices``, always the same one for the same key."""
    return choices[int.from_bytes(sha256(key.encode()).digest()[:4]) % len(choices)]


def _about_subject(passage: Passage) -> Iterator[Question]:
    assert passage.subject is not None
    name, kind = passage.subject.name, passage.subject.kind
    first = passage.text.split(" ", 1)[0]
    several = " and " in name and kind == "callable"
    if kind == "callable" and first == "Called":
        text = f"When {'are' if several else 'is'} {name} called?"
    elif kind == "callable" and first in ("Return", "Returns"):
        text = vary(name, [f"What does {name} return?", f"What is {name} for?", f"What does {name} do?"])
    elif kind in ("callable", "command", "expression"):
        text = f"What {'do' if several else 'does'} {about(passage)} do?"
    else:
        place = "" if _shares_a_word(name, _title(passage)) else f" in {_title(passage)}"
        text = f"What {_be(name)} {about(passage)}{place}?"
    yield Question(text, "subject")


def _about_section(passage: Passage) -> Question:
    title = _title(passage)
    if title.startswith("the "):
        text = f"How does {title} work?"
    elif GERUND.match(title):
        text = f"What does {title} involve in Python?"
    elif _be(title) == "are":
        text = vary(title, [f"What are {title} in Python?", f"How do {title} work in Python?"])
    else:
        text = vary(title, [f"What is {title} in Python?", f"What does Python say about {title}?"])
    return Question(text, "section")


def _about_sentence(sentence: str, index: int, passage: Passage) -> Iterator[Question]:
    here = about(passage)
    for kind, (pattern, template) in RULES.items():
        if not (match := re.search(pattern, sentence)):
            continue
        found = match.groupdict()
        if "noun" in found:
            found["noun"] = _lower(found["noun"])
        said = found.get("clause") or found.get("noun") or ""
        if "clause" in found and len(said.split()) < 4:
            continue
        inside = "" if _shares_a_word(said, here) else f" in {here}"
        yield Question(template.format(**found, about=here, inside=inside), kind, index)


def _shares_a_word(text: str, other: str) -> bool:
    """Whether both have a word in common, plurals and the like aside."""
    first, second = ({word[:5] for word in content_words(part)} for part in (text, other))
    return bool(first & second)


def _title(passage: Passage) -> str:
    title = title_words(passage.title[-1])
    if title.endswith(" clause"):
        return f"the {title}"
    if title in UNSPECIFIC and len(passage.title) > 1:
        return f"{title_words(passage.title[-2])}, {title}"
    return title


def _be(noun: str) -> str:
    last = noun.split(" (")[0].split()[-1]
    return "are" if last.endswith("s") and not last.endswith(("ss", "__")) else "is"


def _lower(noun: str) -> str:
    first = noun.split()[0]
    plain = first[1:].islower() or first == "A"
    return noun[0].lower() + noun[1:] if plain and first not in PROPER else noun
