"""mteb and datasets without their progress bars and notes, which are of no use beside ours."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BITEXT_MINING = "mteb._evaluators.text.bitext_mining_evaluator"  # shows bars whatever it is told


@contextmanager
def quiet() -> Iterator[None]:
    """Silence both."""
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    logger = logging.getLogger("mteb")
    level = logger.level
    datasets.disable_progress_bars()
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"), _without_bars(sys.modules.get(BITEXT_MINING)):
            yield
    finally:
        logger.setLevel(level)
        if shown:
            datasets.enable_progress_bars()


@contextmanager
def _without_bars(module: Any) -> Iterator[None]:
    """Let a module's ``tqdm`` show nothing, where it has one and no switch for it."""
    bar = getattr(module, "tqdm", None)
    if bar is None:
        yield
        return
    module.tqdm = lambda rows, **_: rows
    try:
        yield
    finally:
        module.tqdm = bar
