from __future__ import annotations

from types import SimpleNamespace

import pytest

from embedworks.jobs import runner
from embedworks.jobs.reporter import Reporter


class Tracker:
    """Cannot send the last three entries."""

    def __init__(self, uri, experiment, folder, tell) -> None:
        self.folder = folder

    def close(self) -> int:
        return 3


@pytest.mark.parametrize("fails", [False, True])
def test_what_mlflow_did_not_get_is_told_however_the_job_ends(monkeypatch, capsys, tmp_path, fails):
    def stages(context, folder, fresh):
        assert context.tracker.folder == folder == tmp_path / "job"
        if fails:
            raise RuntimeError("a stage")
        return {"left": {}}

    monkeypatch.setattr(runner, "Tracker", Tracker)
    monkeypatch.setattr(runner, "run_stages", stages)
    tracking = SimpleNamespace(uri=None, experiment=None)
    loaded = SimpleNamespace(job=SimpleNamespace(name="job", output=str(tmp_path), tracking=tracking))
    if fails:
        with pytest.raises(RuntimeError, match="a stage"):
            runner.run_job(loaded, Reporter())
    else:
        assert runner.run_job(loaded, Reporter()) == {"left": {}}
    assert (
        "3 entries have not reached MLflow; the next run of this job sends them" in capsys.readouterr().out
    )
