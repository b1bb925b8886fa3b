"""Fail where a test was skipped that is not on the list.

    python3 .ci/check_skips.py junit.xml allowed_skips.txt

A line of the list is a pattern for the test and one for the reason, with `|` between them.
"""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path


def allowed(text: str) -> list[tuple[str, str]]:
    """The list's lines as (pattern of the test, pattern of the reason); `#` begins a comment."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    rows = (line.partition("|") for line in lines if line.strip())
    return [(test.strip(), reason.strip()) for test, _, reason in rows]


def skips(report: ET.Element) -> Iterator[tuple[str, str]]:
    """Every test that was skipped or expected to fail, as (test, reason)."""
    for case in report.iter("testcase"):
        for skipped in case.iter("skipped"):
            name = "::".join(filter(None, (case.get("classname"), case.get("name"))))
            yield name, skipped.get("message", "")


def unlisted(report: ET.Element, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [
        (test, reason)
        for test, reason in skips(report)
        if not any(fnmatchcase(test, t) and fnmatchcase(reason, r) for t, r in rows)
    ]


def main(report: str, listed: str) -> int:
    found = unlisted(ET.parse(report).getroot(), allowed(Path(listed).read_text(encoding="utf-8")))
    for test, reason in found:
        print(f"skipped, but not in {listed}: {test}: {reason}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
