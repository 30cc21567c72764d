"""The sieve itself: the planted faults still fit the code, and the smoke preset catches each (`-m faults`)."""

from __future__ import annotations

from pathlib import Path

import faults
import pytest


def test_the_planted_faults_still_fit_the_code() -> None:
    assert not faults.misplaced(), "bring tests/faults.py up to date"


@pytest.mark.faults
@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_turns_the_run_red(fault: faults.Fault, tmp_path: Path) -> None:
    assert faults.caught(fault, "smoke", tmp_path)
