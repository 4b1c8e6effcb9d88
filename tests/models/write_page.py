"""Write the table of docs/models.md: `python tests/models/write_page.py [type ...]`, by default for all types."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "models.md"
TABLE = re.compile(r"(<!-- table -->\n\| type \| outcome \|\n\|---\|---\|\n)(.*?)(<!-- end of table -->)", re.DOTALL)
ROW = re.compile(r"^\| (\S+) \| (.*) \|$", re.MULTILINE)


def read_page() -> dict[str, str]:
    """Return the outcome of each type that the page names."""
    table = TABLE.search(PAGE.read_text("utf-8"))
    assert table, f"{PAGE} has no table"
    return dict(ROW.findall(table[2]))


def write_page(outcomes: dict[str, str]) -> None:
    rows = "".join(f"| {name} | {outcome} |\n" for name, outcome in sorted(outcomes.items()))
    PAGE.write_text(TABLE.sub(lambda table: table[1] + rows + table[3], PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from families import FAMILIES, try_family

    chosen = sys.argv[1:] or list(FAMILIES)
    outcomes = {name: outcome for name, outcome in read_page().items() if name in FAMILIES}
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            outcomes[name] = try_family(name, Path(folder))
        print(name, outcomes[name], flush=True)
        write_page(outcomes)
