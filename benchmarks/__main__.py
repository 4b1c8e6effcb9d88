"""Run the benchmarks one after the other, and end with one table of all of them.

    python benchmarks                            all of them (many minutes)
    python benchmarks features evaluation        some of them
    python benchmarks --smoke                    check that they all work (a minute or two)

The exit code is 1 if a benchmark fails or a ratio misses its target. Measure on a quiet machine.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import build_parser, finish
from rows import Row, read_rows

FOLDER = Path(__file__).parent


def find_benchmarks() -> dict[str, Path]:
    """Return the scripts of this folder by name. The other modules have no `__main__` block."""
    return {
        path.stem: path
        for path in sorted(FOLDER.glob("*.py"))
        if path.name != "__main__.py" and '\nif __name__ == "__main__":\n' in path.read_text("utf-8")
    }


def main() -> None:
    """Run the chosen benchmarks, and print what they have measured."""
    scripts = find_benchmarks()
    parser = build_parser(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(scripts))
    args = parser.parse_args()
    if unknown := set(args.names) - set(scripts):
        parser.error(f"{', '.join(sorted(unknown))}: no such benchmark; choose from {', '.join(scripts)}")
    chosen = args.names or list(scripts)
    rows: list[Row] = []
    failed: list[str] = []
    for number, name in enumerate(chosen, 1):
        print(f"\n[{number} of {len(chosen)}] {name}", flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.jsonl"
            command = [sys.executable, str(scripts[name]), "--json", str(file), *["--smoke"] * args.smoke]
            if subprocess.run(command).returncode:
                failed.append(name)
            else:
                rows += read_rows(file)
        print(f"{name} {'FAILED' if name in failed else 'took'} {time.monotonic() - began:.0f} s", flush=True)
    print()
    finish(rows, args)
    if failed:
        print(f"failed: {', '.join(failed)}")
    missed = [] if args.smoke else [row.what for row in rows if row.is_met is False]
    if missed:
        print(f"missed: {', '.join(missed)}")
    sys.exit(bool(failed or missed))


if __name__ == "__main__":
    main()
