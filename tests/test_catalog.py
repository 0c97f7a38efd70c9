from __future__ import annotations

import pytest

from embedworks.catalog import find_objective, find_system, systems
from embedworks.errors import InputError

OWN = """
from embedworks.systems.text_embedding.starbucks import Starbucks

class Own(Starbucks):
    title = "A system of one's own"
"""


@pytest.mark.parametrize("family", ["text_embedding", "a_new_family"])
def test_a_system_of_ones_own_is_found_while_its_path_is_set(tmp_path, monkeypatch, family):
    folder = tmp_path / "embedworks" / "systems" / family
    folder.mkdir(parents=True)
    (folder / f"own_in_{family}.py").write_text(OWN)
    slug = f"own-in-{family}".replace("_", "-")
    with monkeypatch.context() as patched:
        patched.setenv("EMBEDWORKS_PATH", str(tmp_path))
        assert find_system(slug).family == family.replace("_", "-")
        assert find_objective(slug).title == "A system of one's own"
        assert find_objective("starbucks/smae").variant == "smae"
    assert slug not in systems()


def test_an_unknown_variant_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'starbucks/smae'"):
        find_objective("starbucks/smea")
