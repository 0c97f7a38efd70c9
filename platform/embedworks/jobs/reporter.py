"""Tells a person how a job gets on."""

from __future__ import annotations

from rich.console import Console

from embedworks.jobs.live import TrainingView


class Reporter:
    """Where the runner says what happens.

    Args:
        to_stderr: Leave stdout to the results.
    """

    def __init__(self, to_stderr: bool = False) -> None:
        # What is told comes from jobs and errors: brackets and colons in it are no markup.
        self.console = Console(stderr=to_stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def note(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text)

    def tell_in_lines(self) -> None:
        """From now on, show no panels: a terminal has room for those of one stage at a time."""
        self.console = Console(
            file=self.console.file,
            force_terminal=False,
            highlight=False,
            soft_wrap=True,
            markup=False,
            emoji=False,
        )

    def training(self, title: str, workers: int) -> TrainingView:
        """A context that shows how a stage trains."""
        return TrainingView(self.console, title, workers)
