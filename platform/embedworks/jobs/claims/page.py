"""A claim's page, docs/claims/<slug>.md: the experiment and what came out, for people."""

from __future__ import annotations

from pathlib import Path

from embedworks.errors import InputError
from embedworks.jobs.claims.load import LoadedClaim
from embedworks.jobs.claims.records import Held, Record, Row, load_record
from embedworks.jobs.claims.schema import Measure

OVER_PARTS = (
    " Conditions over data sets are judged by the exact Wilcoxon signed-rank test, p below .05, which "
    "stands in the last columns."
)


def write_pages(loaded: LoadedClaim, found: Record, folder: Path) -> list[Path]:
    """Write ``<slug>.json``, ``.svg`` and ``.md``; returns them."""
    return [found.write(folder), *_draw(loaded, found, folder)]


def _draw(loaded: LoadedClaim, found: Record, folder: Path) -> list[Path]:
    from embedworks.jobs.claims.plot import plot_record

    plot, page = (folder / f"{found.slug}{suffix}" for suffix in (".svg", ".md"))
    plot_record(loaded.claim, found, plot)
    page.write_text(page_text(loaded, found), encoding="utf-8")
    return [plot, page]


def rewrite_pages(loaded: LoadedClaim, folder: Path) -> list[Path]:
    """Write the plot and the page of a recorded result anew, as the claim's texts are now; returns them.

    Raises:
        InputError: where the claim has no record, or one of other arms.
    """
    slug, known = loaded.claim.name, set(loaded.claim.arms)
    found = load_record(folder, slug)
    if found is None:
        raise InputError(
            f"no result of claim {slug!r} is recorded",
            where=str(folder / f"{slug}.json"),
            expected=f"the file that `embedworks claim {slug}` writes",
        )
    if unknown := sorted(set(found.arms) - known):
        raise InputError(
            f"the record has an arm {unknown[0]!r} that the claim lacks",
            where=str(folder / f"{slug}.json"),
            name=unknown[0],
            known=sorted(known),
        )
    return _draw(loaded, found, folder)


def page_text(loaded: LoadedClaim, found: Record) -> str:
    """The page as Markdown."""
    claim = loaded.claim
    meaning = {
        "reproduced": claim.meaning.reproduced,
        "not reproduced": claim.meaning.not_reproduced,
        "inconclusive": claim.meaning.inconclusive,
    }
    verdict = f"**{found.verdict}**" if found.verdict else "none: this is a part of the experiment"
    said = f" {meaning[found.verdict]}" if found.verdict else ""
    parts = [
        f"# {found.slug}: {found.title}",
        f"Verdict: {verdict}.{said}",
        f"{claim.paper.source}, {claim.paper.where}: {claim.paper.sentence}",
        f"Expected: {claim.hypothesis}",
        f"Setting: {claim.setting}",
        "## Arms",
        *[f"- `{name}` ({claim.arms[name].role}): {claim.arms[name].about}" for name in found.arms],
        "## Results",
        f"![values of every arm]({found.slug}.svg)",
        _table(found),
        *_of_few(found),
        "Mean over seeds with its 95 % interval by Student's t; below it the values of seeds "
        f"{', '.join(map(str, found.seeds))}.",
        *_measures(claim.measures),
        _budget(loaded, found),
        *_rule(found),
        *_matrix(found),
        *_afterwards(loaded, found),
        "## Again",
        f"`{found.command}`",
        _machine(found),
    ]
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    text = ""
    for part in parts:
        tight = part.startswith("- ") and text.rpartition("\n\n")[2].startswith("- ")
        text += ("\n" if tight else "\n\n") + part if text else part
    return text + "\n"


def _table(found: Record) -> str:
    names, _ = found.measures()
    lines = ["| arm | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for arm, rows in found.arms.items():
        lines.append(f"| `{arm}` | " + " | ".join(_cell(rows.get(name)) for name in names) + " |")
    return "\n".join(lines)


def _of_few(found: Record) -> list[str]:
    """Measures that few arms have, a line each: as columns they would be empty."""
    _, names = found.measures()
    lines = [
        f"| {name} | `{arm}` | {_cell(rows[name])} |"
        for name in names
        for arm, rows in found.arms.items()
        if name in rows
    ]
    return ["\n".join(["| measure | arm | value |", "|---" * 3 + "|", *lines])] if lines else []


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    values = ", ".join(number(value) for value in row.values.values())
    return f"{number(row.mean)} {interval(row.low, row.high)}<br>{values}"


def _measures(measures: dict[str, Measure]) -> list[str]:
    return [f"- `{name}`: {measure_text(measure)}" for name, measure in measures.items()]


def measure_text(measure: Measure) -> str:
    """What a measure is, in words."""
    if measure.mean_of:
        text = "the mean of " + ", ".join(measure.mean_of)
    elif measure.task:
        text = f"{measure.number or 'the main score'} of `{measure.task}`"
        sizes = ", ".join(f"{layers}x{width}" for layers, width in measure.pairs or ())
        text += f" at {sizes}" if sizes else ""
    else:
        steps = f"mean of the last {measure.last} steps'" if measure.last > 1 else "last"
        text = f"the {steps} `{measure.metric}` of stage `{measure.stage}`"
        text += f" less its `{measure.minus}`" if measure.minus else ""
    return text + (f", scaled from {measure.zero} (0) to {measure.one} (1)" if measure.zero else "")


def _budget(loaded: LoadedClaim, found: Record) -> str:
    excused = loaded.claim.budget.exceptions
    common = {samples for arm, samples in found.samples.items() if arm not in excused}
    text = f"Training sees {', '.join(f'{n:,}' for n in sorted(common))} samples in every arm"
    but = "; ".join(
        f"`{arm}` {found.samples[arm]:,}: {excused[arm]}" for arm in excused if arm in found.samples
    )
    times = ", ".join(f"`{arm}` {seconds:.0f} s" for arm, seconds in found.seconds.items())
    return f"{text}{f', but {but}' if but else ''}. Time of an arm's stages, beside other work: {times}."


def _rule(found: Record) -> list[str]:
    if found.verdict is None:
        return []
    return [
        "## Decision",
        "Fixed before the first run. Reproduced if all of these hold:",
        _conditions(found.reproduced),
        "Not reproduced if one of these does:",
        _conditions(found.not_reproduced),
        "Mean, interval, deviation, p and d are over seeds. Over samples: the 95 % interval of the paired "
        "bootstrap and p of the paired permutation test over the task's samples, seeds averaged; "
        f"they have no vote.{OVER_PARTS if found.matrix else ''}",
        *(["The premise, which has no vote:", _conditions(found.premise)] if found.premise else []),
    ]


def _conditions(conditions: list[Held]) -> str:
    lines = [
        "| condition | holds | mean | 95 % interval | deviation | p | d | over samples | p |",
        "|---" * 9 + "|",
    ]
    for one in conditions:
        p = "-" if one.p is None else f"{one.p:.3f}"
        effect = "-" if one.effect is None else f"{one.effect:.2f}"
        lines.append(
            f"| {one.text} | {'yes' if one.holds else 'no'} | {number(one.mean)} "
            f"| {interval(one.low, one.high)} | {number(one.deviation)} | {p} | {effect} "
            f"| {_over_samples(one)} |"
        )
    return "\n".join(lines)


def _matrix(found: Record) -> list[str]:
    if not found.matrix:
        return []
    lines = ["| measure | arms | difference | 95 % interval | data sets | p | Holm |", "|---" * 7 + "|"]
    for one in found.matrix:
        lines.append(
            f"| {one.measure} | `{one.of}` - `{one.over}` | {number(one.difference)} "
            f"| {interval(one.low, one.high)} | {one.n} | {one.p:.4f} | {one.holm:.4f} |"
        )
    return [
        "## Over data sets",
        "Every pair of arms over the data sets of each measure, seeds averaged: the mean difference with "
        "its bootstrap interval, p of the exact two-sided Wilcoxon signed-rank test, and p after Holm's "
        f"correction over these {len(found.matrix)} tests.",
        "\n".join(lines),
    ]


def _afterwards(loaded: LoadedClaim, found: Record) -> list[str]:
    """What was looked into when the numbers were known; it is about those of the claim's own size."""
    text = loaded.claim.afterwards
    return ["## Looked into afterwards", text] if text and found.verdict and not found.profile else []


def _over_samples(one: Held) -> str:
    if (other := one.by_part) is not None:
        return f"{interval(other.low, other.high)} of {other.n} data sets | {other.p:.4f}"
    if (other := one.by_sample) is None:
        return "- | -"
    return f"{interval(other.low, other.high)} of {other.n} | {other.p:.4f}"


def _machine(found: Record) -> str:
    host = found.machine
    where = f"{host['cores']} cores of {host['cpu']}, {host['memory_gb']} GB, Python {host['python']}"
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    return f"{found.date}, {where}; {versions}."


def number(value: float) -> str:
    """Four decimals, or three digits of what is large."""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.3g}"


def interval(low: float | None, high: float | None) -> str:
    """``[low, high]``; nothing for one seed."""
    return "" if low is None or high is None else f"[{number(low)}, {number(high)}]"
