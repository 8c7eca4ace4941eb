"""The Python examples of the documentation run, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytransformers.auto.registry import class_names
from pytransformers.auto.table import ARCHITECTURES

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SELF_CONTAINED = [page for page in PAGES if page.name != "README.md" and "```python" in page.read_text()]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", SELF_CONTAINED, ids=name)
def test_examples(page, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    run = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links(page):
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{name(page)} links to {target}, which is not there"


def test_every_page_is_in_the_contents():
    contents = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        assert str(page.relative_to(ROOT / "docs")) in contents, f"mkdocs.yml lacks {page.name}"


def test_every_architecture_has_a_row():
    """Title, configuration and every class, one row each, in the table's order."""
    table = (ROOT / "docs/api/models.md").read_text().partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(ARCHITECTURES)
    for line, row in zip(rows, ARCHITECTURES.values(), strict=True):
        title, _, config, classes = (cell.strip() for cell in line.strip("| ").split(" | "))
        assert title == row["title"] and config == f"`{row['config']}`"
        assert set(re.findall(r"`(\w+)`", classes)) == class_names(row).keys(), title
