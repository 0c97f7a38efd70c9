"""``packages``: a graph of texts: the distributions installed beside this one, and what they require.

What it holds depends on the environment that builds it; ``source`` names the versions by a digest.
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageMetadata, distributions

import pyarrow as pa
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from embedworks.corpora.builtin._readme import readme_paragraphs
from embedworks.corpora.recipe import RecipeOptions, Row, Rows
from embedworks.corpora.splitting import components, held_out
from embedworks.errors import InputError

NAME = "packages"
DESCRIPTION = (
    "A graph of installed Python distributions: summaries, READMEs, topics, and what they require."
)
LICENCE = "each its own"
SPLIT_RULE = (
    "by distribution: those that share the first word of their name or a paragraph form one group, and "
    "whole groups are held out in hash order until about 25 % of the rows are in test"
)
SERVES = (
    "atlantic",
    "graphclip",
    "nv-embed",
    "pooling-attention",
    "pseudo-label-pretraining",
    "retrieval-pretraining",
    "self-distillation",
    "sesa",
    "starbucks",
    "struct-tuning",
    "well-read-students",
    "zett",
)
TEST_SHARE = 0.25
COLUMNS = {
    "query": "the summary",
    "positive": "the README's first paragraph that says more than the summary; empty where there is none",
    "name": "as package indexes spell it: lower case, with hyphens",
    "summary": "one line",
    "text": "the summary and the README's first paragraph",
    "paragraphs": "the README's prose in order, at most 40 paragraphs, without code, tables and lists",
    "label": "the top level of a topic classifier, one that says more than Software Development if there "
    "is one; empty without any",
    "topics": "topic classifiers, in order, without the word Topic",
    "classifiers": "all others",
    "keywords": "as its authors gave them",
    "licence": "an SPDX identifier where one is known; empty without any",
    "author": "a person or group; empty where none is named",
    "requires_python": "versions of Python, as it is written",
    "requires": "names that it requires; one that is no row is not installed",
    "optional": "names that only its extras require",
    "mentions": "names of other rows that its README marks as code, links to or installs",
    "version": "the one installed",
    "id": "the name",
}
WORDS = pa.list_(pa.string())
LISTS = ("paragraphs", "topics", "classifiers", "keywords", "requires", "optional", "mentions")
SCHEMA = pa.schema([(name, WORDS if name in LISTS else pa.string()) for name in COLUMNS])

OWN = "embedworks"  # would change with every commit
MAX_PARAGRAPHS = 40
SHARED = 60  # characters of a paragraph that ties two distributions together
GENERAL = ("Utilities", "Software Development")  # topics that say little, the one that says least last
LICENCES = (  # what names a licence, to its identifier; the first that is found
    ("Apache", "Apache-2.0"),
    ("BSD 2", "BSD-2-Clause"),
    ("BSD", "BSD-3-Clause"),
    ("MIT", "MIT"),
    ("ISC", "ISC"),
    ("Mozilla", "MPL-2.0"),
    ("MPL", "MPL-2.0"),
    ("Lesser", "LGPL-3.0-or-later"),
    ("LGPL", "LGPL-3.0-or-later"),
    ("GPL", "GPL-3.0-or-later"),
    ("Python Software Foundation", "PSF-2.0"),
    ("PSF", "PSF-2.0"),
    ("Unlicense", "Unlicense"),
)
MARKED = re.compile(r"(?:`|\[|/project/|pip install )([A-Za-z][\w.-]*\w)")

Options = RecipeOptions


def source(options: RecipeOptions) -> str:  # noqa: ARG001
    """How many distributions there are, and a digest of their names and versions."""
    pins = "\n".join(f"{name}=={item.version}" for name, item in _installed().items())
    digest = hashlib.sha256(pins.encode()).hexdigest()[:12]
    return f"{len(_installed())} distributions of Python {platform.python_version()}, versions {digest}"


def rows(options: RecipeOptions) -> Rows:
    """Both splits, by name.

    Raises:
        InputError: if nothing else is installed.
    """
    installed = _installed()
    if not installed:
        raise InputError("no distribution is installed", expected="an environment with packages")
    found = [_row(name, item, installed) for name, item in installed.items()]
    group = components(_ties(found))
    test = held_out(Counter(group[row["name"]] for row in found), TEST_SHARE, options.seed)
    return {
        "train": (row for row in found if group[row["name"]] not in test),
        "test": (row for row in found if group[row["name"]] in test),
    }


def _installed() -> dict[str, Distribution]:
    """name -> distribution, by name; of two with one name the one that is imported."""
    found: dict[str, Distribution] = {}
    for item in distributions():
        name = str(canonicalize_name(_field(item.metadata, "Name")))
        if name and name != OWN:
            found.setdefault(name, item)
    return dict(sorted(found.items()))


def _ties(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        shared = [f"text {part}" for part in row["paragraphs"] if len(part) >= SHARED]
        yield row["name"], f"family {row['name'].partition('-')[0]}", *shared


def _row(name: str, item: Distribution, installed: Iterable[str]) -> Row:
    meta = item.metadata
    readme = _readme(meta)
    paragraphs = readme_paragraphs(readme)[:MAX_PARAGRAPHS]
    summary = " ".join(_field(meta, "Summary").split())
    first = next((text for text in paragraphs if text.rstrip(".") not in summary), "")
    classifiers = sorted(meta.get_all("Classifier") or ())
    topics = [text.removeprefix("Topic :: ") for text in classifiers if text.startswith("Topic :: ")]
    requires, optional = _requirements(item)
    return {
        "query": summary,
        "positive": first,
        "name": name,
        "summary": summary,
        "text": " ".join(filter(None, (f"{summary.rstrip('.')}." if summary else "", first))),
        "paragraphs": paragraphs,
        "label": _label(topics),
        "topics": topics,
        "classifiers": [text for text in classifiers if not text.startswith("Topic :: ")],
        "keywords": _keywords(_field(meta, "Keywords")),
        "licence": _licence(meta, classifiers),
        "author": _author(meta),
        "requires_python": _field(meta, "Requires-Python"),
        "requires": requires,
        "optional": [other for other in optional if other not in requires],
        "mentions": _mentions(readme, set(installed) - {name}),
        "version": item.version,
        "id": name,
    }


def _readme(meta: PackageMetadata) -> str:
    text = _field(meta, "Description")
    return text if text.strip() != "UNKNOWN" else ""


def _label(topics: list[str]) -> str:
    tops = list(dict.fromkeys(topic.partition(" :: ")[0] for topic in topics))
    return min(tops, key=lambda top: GENERAL.index(top) if top in GENERAL else -1, default="")


def _keywords(text: str) -> list[str]:
    parts = re.split(r"[,;]" if re.search(r"[,;]", text) else r"\s", text)
    return list(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


def _licence(meta: PackageMetadata, classifiers: list[str]) -> str:
    if expression := _field(meta, "License-Expression"):
        return str(expression)
    named = [text for text in classifiers if text.startswith("License :: ")]
    for text in (*named, _field(meta, "License")[:80]):
        for word, identifier in LICENCES:
            if word.lower() in text.lower():
                return identifier
    return ""


def _author(meta: PackageMetadata) -> str:
    for key in ("Author", "Author-email", "Maintainer", "Maintainer-email"):
        name = re.sub(r"<[^>]*>|\S+@\S+", "", _field(meta, key)).split(",")[0].strip(' "')
        if name and name != "UNKNOWN":
            return name
    return ""


def _requirements(item: Distribution) -> tuple[list[str], list[str]]:
    """Names that are required, and names that only extras require, each sorted."""
    found: tuple[set[str], set[str]] = set(), set()
    for text in item.requires or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # old metadata
            continue
        optional = "extra" in str(requirement.marker or "")
        found[optional].add(str(canonicalize_name(requirement.name)))
    return sorted(found[0]), sorted(found[1])


def _mentions(readme: str, others: set[str]) -> list[str]:
    names = (str(canonicalize_name(word)) for word in MARKED.findall(readme))
    return list(dict.fromkeys(name for name in names if name in others))


def _field(meta: PackageMetadata, key: str) -> str:
    """A field's text; empty where the distribution has none.

    Asked for first: once the backport ``importlib_metadata`` is imported anywhere in the process,
    its metadata raise for a field that is missing.
    """
    return str(meta[key] or "") if key in meta else ""
