"""Writes docs/corpora.md: builds every built-in corpus, and takes its card and pictures from the command.

    python docs/make_corpora.py [NAME ...]

Without names, of all corpora. Corpora are built under runs/corpora, where a job would build them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from embedworks.corpora.contact_sheet import picture_columns
from embedworks.corpora.corpus import open_corpus
from embedworks.corpora.recipes import builtin_names

HERE = Path(__file__).parent
PAGE = HERE / "corpora.md"
PICTURES = HERE / "corpora"
BUILT = Path("runs/corpora")
EMBEDWORKS = [sys.executable, "-m", "embedworks.cli.main"]
START = "<!-- cards -->\n"
CARD = re.compile(r"<!-- card: (?P<name>[\w-]+) -->\n.*?<!-- end -->\n", re.DOTALL)
CELLS = {"clips": 12, "pages": 20, "shapes": 16}  # of which one row takes much room
BOXES = {"scenes"}


def card(name: str) -> str:
    """The card of a corpus, which is built where it is not there yet."""
    folder = BUILT / name
    if not (folder / "manifest.json").is_file():
        run("shards", "build", name, "--out", str(folder))
    show = ["shards", "show", str(folder), "--card"]
    if picture_columns(open_corpus(folder)):
        PICTURES.mkdir(exist_ok=True)
        file = f"corpora/{name}.png"
        show += ["--pictures", str(HERE / file), "--rows", str(CELLS.get(name, 24))]
        show += ["--boxes"] if name in BOXES else []
        return run(*show).replace(f"({HERE / file})", f"({file})")
    return run(*show)


def run(*arguments: str) -> str:
    """What the command prints."""
    return subprocess.run([*EMBEDWORKS, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Take the cards asked for, and leave the others as they are."""
    for name in sys.argv[1:] or builtin_names():
        put(name, card(name).strip())
        print(name, flush=True)


def put(name: str, text: str) -> None:
    """Write one card into the page, in its place among the others."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    cards = {match["name"]: match[0] for match in CARD.finditer(rest)}
    cards[name] = f"<!-- card: {name} -->\n{text}\n<!-- end -->\n"
    page = "\n".join(cards[one] for one in builtin_names() if one in cards)
    PAGE.write_text(head + START + page, encoding="utf-8")


if __name__ == "__main__":
    main()
