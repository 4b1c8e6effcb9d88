"""Write src/mlqa/config/model_types.yaml from wheels of transformers, one per version: `python ... wheels/*.whl`.

`pip download --no-deps --dest wheels transformers==<version>` fetches one. Give a wheel for each version that an image
of SageMaker has (requirements/transformers-*.txt), and the newest.
"""

from __future__ import annotations

import ast
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "src" / "mlqa" / "config" / "model_types.yaml"
AUTO = "transformers/models/auto/"
PLAIN, HEAD, SEQ2SEQ = "MODEL", "MODEL_FOR_QUESTION_ANSWERING", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM"
TEXT = (HEAD, SEQ2SEQ, "MODEL_FOR_MASKED_LM", "MODEL_FOR_CAUSAL_LM", "MODEL_FOR_PRETRAINING")


def read_mappings(wheel: Path) -> dict[str, set[str]]:
    """Return the model types in each of transformers' auto mappings, by its name without _MAPPING_NAMES."""
    found: dict[str, set[str]] = {}
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            if not (name.startswith(AUTO) and name.endswith(".py")):
                continue
            for node in ast.walk(ast.parse(files.read(name))):
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    mapping = node.targets[0].id
                    if mapping.endswith("_MAPPING_NAMES"):
                        found.setdefault(mapping.removesuffix("_MAPPING_NAMES"), set()).update(_list_keys(node.value))
    return found


def _list_keys(value: ast.expr) -> Iterator[str]:
    """Yield the first text of each pair in OrderedDict([("bert", "BertModel"), ...])."""
    for node in ast.walk(value):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant):
            yield str(node.elts[0].value)


def write_table(wheels: list[Path]) -> None:
    read = {".".join(wheel.name.split("-")[1].split(".")[:2]): read_mappings(wheel) for wheel in wheels}
    versions = sorted(read, key=lambda version: tuple(map(int, version.split("."))))
    texts = {each for mappings in read.values() for name in TEXT for each in mappings[name]}
    texts &= {each for mappings in read.values() for each in mappings[PLAIN]}
    rows = []
    for each in sorted(texts):
        known = [version for version in versions if each in read[version][PLAIN]]
        heads = [version for version in versions if each in read[version][HEAD]]
        row = {"known": known[0]}
        if known[-1] != versions[-1]:
            row["until"] = known[-1]
        if heads:
            row["head"] = heads[0]
        elif any(each in read[version].get(SEQ2SEQ, ()) for version in versions):
            row["head"] = "none"
        rows.append(f"  {each}: {{{', '.join(f'{key}: {_quote(value)}' for key, value in row.items())}}}\n")
    header = re.match(r"(?:#.*\n)*", FILE.read_text("utf-8") if FILE.is_file() else "")
    assert header
    listed = ", ".join(map(_quote, versions))
    FILE.write_text(f"{header[0]}versions: [{listed}]\ntypes:\n{''.join(rows)}", "utf-8")


def _quote(value: str) -> str:
    return value if value == "none" else f'"{value}"'


if __name__ == "__main__":
    write_table([Path(name) for name in sys.argv[1:]])
