"""Published prompts under which a language model embeds a text without training, as templates.

The forms are those of the methods' official codes; task descriptions and hints are in our own words. What
is pooled follows from the form of a template: see :mod:`embedworks.transforms.templates`.
"""

from __future__ import annotations

from embedworks.transforms.templates import AND, prepared

# mteb's names, under which a reader looks for a prompt: of a side, or of a type of tasks.
READERS = ("query", "document", "STS", "Classification", "Clustering", "PairClassification")

BARE = "{sentence}"
ONE_WORD = ' means in one word:"'
PROMPTEOL = 'This sentence : "{sentence}"' + ONE_WORD
HINT = "What a sentence says lies in who does what to whom , and words that describe add little ."

# Two of each type that MetaEOL has: classes, sentiment, paraphrase, information.
TASKS = (
    ("Tell which topic a text is about .", "belongs to the topic"),
    ("Tell whether a statement is a fact or an opinion .", "is , as fact or opinion ,"),
    ("Rate the product that a review is about .", "rates it"),
    ("Tell the feeling that a diary shows .", "shows the feeling"),
    ("Tell whether two sentences say the same .", "means"),
    ("Find another word that fits into a sentence .", "means , said differently ,"),
    ("Pick the fact that a report is about .", "has the key fact"),
    ("Name the main thing or relation of an abstract .", "is about the thing"),
)

METAEOL = tuple(
    f'{task} For this task , this sentence : "{{sentence}}" {verb} in one word:"' for task, verb in TASKS
)

# Each method's prompt. `mean`, `last` and `weighted-mean` differ in pooling alone.
PROMPTS: dict[str, str] = {
    "bare": BARE,
    "prompteol": PROMPTEOL,
    "pret-cot": f"After thinking step by step , this{PROMPTEOL[4:]}",
    "ke": f"{HINT} With this in mind , this{PROMPTEOL[4:]}",
    "metaeol": AND.join(METAEOL),
    "echo": "Query: {text} Query again: {text}",
    "promptreps": (
        'Passage: "{sentence}". Use one word to represent the passage in a retrieval task. '
        'Make sure your word is in lowercase. The word is: "'
    ),
}


def with_placeholder(placeholder: str) -> str:
    """PromptEOL with a placeholder in front of the text, for token prepending."""
    return PROMPTEOL.replace('"{sentence}"', f'{placeholder} "{{sentence}}"')


def with_example(sentence: str, word: str) -> str:
    """PromptEOL behind a demonstration: a sentence and its word.

    Example:
        >>> with_example("a small dog", "puppy")[:60]
        'This sentence : "a small dog." means in one word:"puppy". Th'
    """
    shown = PROMPTEOL.replace("{sentence}", prepared(sentence))
    return f'{shown}{word}". {PROMPTEOL}'
