"""What .ci/run relies on: the README's two commands, and the list of tests that may be skipped."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ET
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent


def script(name: str) -> ModuleType:
    """A script of .ci/ as a module."""
    spec = spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


readme, check_skips = script("readme"), script("check_skips")


def test_run_is_a_script():
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert "set -euo pipefail" in run.read_text(encoding="utf-8").splitlines()
    subprocess.run(["bash", "-n", run], check=True)


def test_run_executes_the_commands_of_the_readme():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "readme 1\n" in run and "readme 2\n" in run
    main_job, tests = readme.commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert "pip install" in main_job and "pip install" in tests
    assert "derive latex " in main_job or "derive show " in main_job
    assert "derive numpy " in main_job and "derive check" in main_job
    assert tests.endswith("-m pytest -n auto")


TEXT = """
python -m venv prose
```bash
$ python3 -m venv .venv && \\
  .venv/bin/derive list
ls
```
```python
"python -m venv code"
```
"""


def test_a_command_is_a_line_of_a_shell_block_that_makes_an_environment():
    assert readme.commands(TEXT) == ["python3 -m venv .venv && .venv/bin/derive list"]


REPORT = ET.fromstring("""
<testsuites><testsuite>
  <testcase classname="tests.test_document" name="test_compiles[linear]">
    <skipped type="pytest.skip" message="pdflatex is not installed"/>
  </testcase>
  <testcase classname="tests.test_document" name="test_prints"/>
  <testcase classname="" name="tests.test_torch"><skipped message="could not import 'torch'"/></testcase>
  <testcase classname="tests.test_rules" name="test_later"><skipped type="pytest.xfail" message=""/></testcase>
</testsuite></testsuites>
""")


def test_what_is_skipped_must_be_listed():
    listed = check_skips.allowed("# tests\ntests.test_document::* | pdflatex is not *  # needs TeX\n\n")
    assert check_skips.unlisted(REPORT, listed) == [
        ("tests.test_torch", "could not import 'torch'"),
        ("tests.test_rules::test_later", ""),
    ]


def test_a_test_skipped_for_another_reason_is_not_listed():
    listed = check_skips.allowed("tests.test_document::* | no network\n* | could not import *\ntests.test_rules::* |")
    assert check_skips.unlisted(REPORT, listed) == [
        ("tests.test_document::test_compiles[linear]", "pdflatex is not installed")
    ]
