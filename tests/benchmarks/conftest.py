"""The benchmarks' modules are imported by their names, as their scripts import them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
