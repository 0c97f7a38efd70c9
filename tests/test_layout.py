"""Rules of the tree that nothing else would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from embedworks.catalog import systems

ROOT = Path(__file__).parents[1]


def test_pythons_own_platform_wins_from_the_repository_root():
    assert not (ROOT / "platform" / "__init__.py").exists()
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == ".".join(map(str, sys.version_info[:3]))


def test_every_system_has_its_three_files(monkeypatch):
    monkeypatch.delenv("EMBEDWORKS_PATH", raising=False)  # systems of the integration tests
    for system in systems().values():
        family = system.family.replace("-", "_")
        assert (ROOT / "jobs" / family / f"{system.slug}.yaml").is_file(), system.slug
        assert (ROOT / "tests" / "systems" / family / f"test_{system.words}.py").is_file(), system.slug


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(lint)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
