"""Two or three sentences that say what came out, made from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embedworks.named import short_name
from embedworks.report.data import Difference, ModelDifferences, Registration, ScoreTable, Significance

ALPHA = 0.05


def summary(
    table: ScoreTable | None, tested: Significance | None, registered: Sequence[Registration]
) -> tuple[str, ...]:
    """Sentences: the best model and its gain; where it is worse; what became of the alias."""
    found = [] if table is None else list(_scores(table, tested))
    return (*found, *map(_registered, registered))


def _scores(table: ScoreTable, tested: Significance | None) -> Iterator[str]:
    best, reference = table.row(table.best), table.row(table.reference)
    if table.best == table.reference:
        yield f"{short_name(table.reference)} is the only model."
        return
    if best.mean is None:
        return
    many = f"a mean of {best.mean:.3f} over {len(table.tasks)} tasks"
    result = many if len(table.tasks) > 1 else f"{best.mean:.3f} on {table.tasks[0]}"
    others = len(table.rows) - 1
    start = f"{short_name(table.best)} is the best of {others} models beside the reference: {result}"
    row = next((one for one in tested.rows if one.model == table.best), None) if tested else None
    gain = (row.mean or (row.tasks[0] if len(row.tasks) == 1 else None)) if row else None
    if gain:
        level = tested.level if tested else 0.95
        yield f"{start}, {_gain(gain, level)} against {short_name(table.reference)}."
    elif reference.mean is not None:
        yield f"{start}, {signed(best.mean - reference.mean)} against {short_name(table.reference)}."
    if row and len(row.tasks) > 1:
        yield _tasks(row)


def _gain(gain: Difference, level: float) -> str:
    if gain.p is None:
        return signed(gain.value)
    holm = gain.holm if gain.holm is not None else gain.p
    assert gain.low is not None, "a tested difference has an interval"
    assert gain.high is not None, "a tested difference has an interval"
    verdict = "" if holm < ALPHA else ", which may be chance"
    interval = f"{level:.0%} interval {signed(gain.low)} to {signed(gain.high)}"
    return f"{signed(gain.value)} ({interval}, {p_words(holm)} after Holm{verdict})"


def signed(value: float) -> str:
    """Three digits and a sign, a real minus."""
    return f"{value:+.3f}".replace("-", "−")


def p_words(p: float) -> str:
    """``p = 0.012``, or ``p < 0.001``."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _tasks(row: ModelDifferences) -> str:
    better = [one for one in row.tasks if one.value > 0 and _is_shown(one)]
    worse = [one for one in row.tasks if one.value < 0]
    what = f"on {len(better)} of {len(row.tasks)} tasks" if better else "on no single task"
    start = f"It is shown to be better {what}"
    if not worse:
        return f"{start}, and scores lower on none."
    names = ", ".join(
        f"{one.task} ({signed(one.value)}{', ' + p_words(one.holm or 0.0) if _is_shown(one) else ''})"
        for one in worse
    )
    return f"{start}; it scores lower on {names}."


def _is_shown(one: Difference) -> bool:
    return one.holm is not None and one.holm < ALPHA


def _registered(entry: Registration) -> str:
    version = f"{entry.model} version {entry.version}"
    if entry.passed is False:
        held = f"but the gate held the alias back: {entry.reason}"
        return f"{short_name(entry.winner)} is registered as {version}, {held}."
    alias = f" and is now @{entry.alias}" if entry.alias else ""
    gate = f"; the gate let it pass: {entry.reason}" if entry.passed else ""
    return f"{short_name(entry.winner)} is registered as {version}{alias}{gate}."
