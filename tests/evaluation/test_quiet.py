"""What mteb would show is not shown, and is again afterwards."""

from __future__ import annotations

import logging

import mteb._evaluators.text.bitext_mining_evaluator as bitext_mining
from datasets import are_progress_bars_disabled

from embedworks.evaluation.quiet import BITEXT_MINING, quiet


def test_the_bars_of_bitext_mining_are_not_shown(capsys):
    assert bitext_mining.__name__ == BITEXT_MINING
    bar = bitext_mining.tqdm
    with quiet():
        assert list(bitext_mining.tqdm([1, 2], desc="Matching sentences")) == [1, 2]
        assert are_progress_bars_disabled()
        assert logging.getLogger("mteb").level == logging.ERROR
    assert capsys.readouterr().err == ""
    assert bitext_mining.tqdm is bar
    assert logging.getLogger("mteb").level != logging.ERROR
