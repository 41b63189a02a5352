"""The second computation, as a module: it is a script and belongs to no package."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def straight() -> Any:
    spec = spec_from_file_location("straight", Path(__file__).parent / "straight.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules["straight"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
