"""Finnish SQuAD files by a seeded generator: what docs/new-language.md walks through, and a test trains on.

python tests/finnish.py <folder>        writes train.json (1,200 questions) and dev.json (240)
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

NAMES = "Aino Eero Helmi Ilmari Jukka Kaisa Liisa Matti Pekka Sirkka Tapio Väinö Yrjö Öömi".split()
SURNAMES = "Aalto Hämäläinen Järvinen Kärkkäinen Mäkelä Niemi Räsänen Särkkä Väisänen Ylönen".split()
PLACES = "Helsingissä Turussa Tampereella Oulussa Lahdessa Jyväskylässä Hämeenlinnassa Äänekoskella".split()
TRADES = "lääkärinä opettajana leipurina kirjastonhoitajana merimiehenä sähköasentajana näyttelijänä".split()
CATS = "Musti Mirri Töpö Äksy Karvinen Raita Söpö Viiru Täplä".split()
QUESTIONS = {
    "place": "Missä {name} syntyi?",
    "year": "Milloin {name} syntyi?",
    "trade": "Minä {name} työskentelee?",
    "cat": "Minkä niminen kissa on ihmisellä nimeltä {name}?",
}


def squad(paragraphs: int, seed: int, split: str) -> dict[str, Any]:
    """SQuAD 1.1 JSON: so many paragraphs about three people each, twelve questions a paragraph."""
    draw = random.Random(f"{seed} {split}")
    entries = []
    for number in range(paragraphs):
        context, asked = "", []
        for surname in draw.sample(SURNAMES, 3):
            name = f"{draw.choice(NAMES)} {surname}"
            facts = {
                "place": draw.choice(PLACES),
                "year": str(draw.randint(1880, 2010)),
                "trade": draw.choice(TRADES),
                "cat": draw.choice(CATS),
            }
            for template in (
                "{name} syntyi {place} vuonna {year}. ",
                "{name} työskentelee {trade} ja asuu kissansa kanssa, jonka nimi on {cat}. ",
            ):
                sentence = template.format(name=name, **facts)
                for fact, text in facts.items():
                    if "{" + fact + "}" in template:
                        before = template.partition("{" + fact + "}")[0].format(name=name, **facts)
                        asked.append((QUESTIONS[fact].format(name=name), text, len(context) + len(before)))
                context += sentence
        qas = [
            {
                "id": f"fi-{split}-{number}-{place}",
                "question": question,
                "answers": [{"text": text, "answer_start": start}],
            }
            for place, (question, text, start) in enumerate(asked)
        ]
        entries.append({"context": context.strip(), "qas": qas})
    return {"version": "1.1", "data": [{"title": split, "paragraphs": entries}]}


def write(folder: Path, train: int = 100, dev: int = 20) -> None:
    """train.json and dev.json with so many paragraphs."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, paragraphs in (("train", train), ("dev", dev)):
        text = json.dumps(squad(paragraphs, 0, split), ensure_ascii=False)
        (folder / f"{split}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
