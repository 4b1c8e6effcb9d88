"""A report over fixed members: every number against one computed here, and words that the numbers bear out."""

from __future__ import annotations

import csv
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forked import python
from made import answers, config, questions, result, some, write_manifest, write_member

from mlqa.errors import RunError
from mlqa.on_sweep_end import finish_sweep
from mlqa.report.advice import Advice
from mlqa.report.build import write_report
from mlqa.report.charts import make_charts
from mlqa.report.closing import print_closing
from mlqa.report.content import Report, make_report
from mlqa.report.page import render_page
from mlqa.report.tables import render_csv, render_markdown

TOP = Path(__file__).resolve().parents[2]
P3, G4DN = {"instance_type": "ml.p3.2xlarge"}, {"instance_type": "ml.g4dn.xlarge"}


def cost(seconds: float, price: float, instance: str = "ml.p3.2xlarge") -> dict[str, Any]:
    return {
        "billable_seconds": seconds, "instance_type": instance, "instance_count": 1, "usd_per_hour": price,
        "usd": round(seconds / 3600 * price, 4), "price_source": "table", "estimate": False,
    }  # fmt: skip


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(render_csv(report).splitlines()))


def said(report: Report) -> dict[str, Advice]:
    return {item.question: item for item in report.advice[0]}


@pytest.fixture
def published_like(tmp_path: Path) -> Path:
    """The original experiment's scores, with times and prices, as a sweep without answers."""
    made = [
        ("xlmr", "p3", 77.14, 2010, 3.825),
        ("berturk", "p3", 75.63, 1487, 3.825),
        ("mbert", "p3", 71.74, 1500, 3.825),
        ("xlmr", "g4dn", 76.60, 6000, 0.736),
    ]
    for number, (model, hardware, f1, seconds, price) in enumerate(made):
        node = P3 if hardware == "p3" else G4DN
        content = result(model, hardware, f1=f1, cost=cost(seconds, price, node["instance_type"]))
        write_member(tmp_path / "blog" / str(number), content, settings=config(node))
    return tmp_path / "blog"


def test_the_tables_hold_the_numbers(published_like: Path) -> None:
    report = make_report([published_like])
    rows = rows_of(report)
    assert [row["f1"] for row in rows] == ["77.14", "75.63", "71.74", "76.6"]  # by member
    berturk = rows[1]
    assert float(berturk["minutes"]) == pytest.approx(1487 / 60)
    assert float(berturk["usd"]) == pytest.approx(1487 * 3.825 / 3600, abs=1e-4)
    assert (berturk["vocab_size"], berturk["instance_type"], berturk["epochs"]) == ("32000.0", "ml.p3.2xlarge", "2.0")
    line = next(line for line in render_markdown(report).splitlines() if line.startswith("| berturk on p3"))
    assert [cell.strip() for cell in line.split("|")[1:6]] == [
        "berturk on p3", "55.63", "75.63 \\[73.6, 77.6\\]", "24.8", "$1.58",
    ]  # fmt: skip
    assert report.spent_usd == pytest.approx(sum(float(row["usd"]) for row in rows))


def test_the_fronts_are_marked(published_like: Path) -> None:
    """Dollars: 77.14 at 2.14, 75.63 at 1.58, 71.74 at 1.59, 76.60 at 1.23. Minutes: 33.5, 24.8, 25.0, 100."""
    of = {one.name: one.on_fronts for one in make_report([published_like]).comparisons[0].configurations}
    assert of == {
        "xlmr on p3": {"usd", "minutes"},
        "xlmr on g4dn": {"usd"},
        "berturk on p3": {"minutes"},
        "mbert on p3": set(),
    }


def test_without_answers_only_intervals_that_part_are_a_difference(published_like: Path) -> None:
    report = make_report([published_like])
    best = said(report)["Best F1"]
    assert not best.is_supported  # 77.14 +- 2 overlaps 76.60 and 75.63, and parts from 71.74
    assert "xlmr on p3 has the highest F1 (77.14)" in best.claim
    assert "cannot tell it apart from xlmr on g4dn and berturk on p3" in best.claim and "mbert" not in best.claim
    assert any("no scores.jsonl" in line for line in best.evidence)
    cheapest = said(report)["Cheapest within 1 point of the best F1"]
    assert not cheapest.is_supported and cheapest.claim.startswith("xlmr on g4dn costs $1.23 per run instead of $2.14")
    assert "its F1 is 0.54 points lower" in cheapest.claim
    fastest = said(report)["Fastest"]
    assert not fastest.is_supported  # 24.8 and 25.0 minutes
    assert fastest.claim.startswith("berturk on p3 took the least time: 24.8 minutes per run. Its F1 is 1.51 points")
    assert "This is a tie with mbert on p3: less than 5 % slower" in fastest.claim


def test_the_equally_good_are_one_list(tmp_path: Path) -> None:
    for number in range(7):
        write_member(tmp_path / "s" / str(number), result(f"m{number}", f1=70), settings=config(P3))
    best = said(make_report([tmp_path / "s"]))["Best F1"]
    assert best.claim.startswith("m0 on p3, m1 on p3, m2 on p3, m3 on p3, m4 on p3 and 2 more have the same F1 (70.00)")


def test_one_pair_needs_no_correction(tmp_path: Path) -> None:
    for number, (model, share) in enumerate((("berturk", 0.9), ("mbert", 0.2), ("xlmr", 0.1))):
        given = answers(questions(), some(share, number))
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given)
        if number:
            report = make_report([tmp_path / "s"])
            told = " ".join(said(report)["Best F1"].evidence)
            assert ("after correction for 3 pairs: significant" in told) == (number == 2)
            assert ("correct" in told) == ("is corrected for all 3 pairs" in render_page(report)) == (number == 2)


def test_damaged_choices_are_called_unknown(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result("m5", f1=70, choices=3), settings=config())
    (only,) = make_report([tmp_path / "s"]).advice[0]
    assert only.claim.startswith("Only m5 on unknown hardware has a score on unknown dataset")


def token_f1(prediction: str, gold: str) -> float:
    """SQuAD's F1, written anew; these texts hold no articles."""
    a, b = (re.sub(r"[^\w\s]", "", text.lower()).split() for text in (prediction, gold))
    shared = sum(min(a.count(word), b.count(word)) for word in set(a))
    return 2 * shared / (len(a) + len(b)) if shared else 0.0


def test_seeds_are_put_together(tmp_path: Path) -> None:
    asked = questions()
    for seed in (1, 2, 3):
        write_member(
            tmp_path / "s" / str(seed), result("berturk", "p3", seed=seed, cost=cost(600 + seed, 3.6)),
            settings=config(P3, seed), given=answers(asked, some(0.7, seed)),
        )  # fmt: skip
    write_member(
        tmp_path / "s" / "4", result("mbert", "p3", seed=1), settings=config(P3, 1), given=answers(asked, some(0.1, 9))
    )
    report = make_report([tmp_path / "s"])
    berturk, mbert = report.comparisons[0].configurations
    golds = [asked.answers[row][0].text for row in range(len(asked))]
    f1 = [
        100 * statistics.fmean(map(token_f1, answers(asked, some(0.7, seed)), golds)) for seed in (1, 2, 3)
    ]  # from the answers themselves, not from what the scorer says
    assert berturk.name == "berturk on p3" and len(berturk.seeds) == 3
    assert berturk.f1 == pytest.approx(statistics.fmean(f1))
    assert berturk.compute_std("metrics", "f1") == pytest.approx(statistics.stdev(f1))
    assert berturk.minutes == pytest.approx(602 / 60)
    difference = report.comparisons[0].find_difference(berturk, mbert)
    other = 100 * statistics.fmean(map(token_f1, answers(asked, some(0.1, 9)), golds))
    assert difference is not None and difference.mean == pytest.approx(statistics.fmean(f1) - other)
    best = said(report)["Best F1"]
    assert best.is_supported and "the other is significantly worse" in best.claim
    assert f"{statistics.fmean(f1):.2f} ± {statistics.stdev(f1):.2f}" in render_markdown(report)


def test_the_same_seed_again_is_no_further_evidence(tmp_path: Path) -> None:
    for number, f1 in enumerate((70.0, 72.0)):
        write_member(tmp_path / "s" / str(number), result(f1=f1, seed=1), settings=config(P3, 1))
    write_member(tmp_path / "s" / "2", result(f1=75.0, seed=2), settings=config(P3, 2))
    (one,) = make_report([tmp_path / "s"]).comparisons[0].configurations
    assert one.compute_seed_means("metrics", "f1") == [71.0, 75.0] and one.f1 == 73.0


def test_the_cheaper_twin_is_advised_and_borne_out(tmp_path: Path) -> None:
    given = answers(questions(), some(0.8, 1))
    write_member(tmp_path / "s/0", result(hardware="p3", cost=cost(600, 3.825)), settings=config(P3), given=given)
    write_member(tmp_path / "s/1", result(hardware="g4dn", cost=cost(2000, 0.736)), settings=config(G4DN), given=given)
    weaker = answers(questions(), some(0.2, 2))
    write_member(tmp_path / "s/2", result("mbert", cost=cost(100, 3.825)), settings=config(P3), given=weaker)
    report = make_report([tmp_path / "s"])
    assert said(report)["Cheapest within 1 point of the best F1"].claim.startswith("berturk on g4dn")
    assert said(report)["Cheapest within 1 point of the best F1"].is_supported
    fastest = said(report)["Fastest"]
    assert fastest.is_supported and fastest.claim.startswith(
        "mbert on p3 is the fastest: 1.7 minutes per run. Its F1 is"
    )


def test_a_mean_of_runs_far_apart_is_not_the_fastest(tmp_path: Path) -> None:
    seconds = {("berturk", 1): 300, ("berturk", 2): 900, ("mbert", 1): 700, ("mbert", 2): 750}
    for number, ((model, seed), taken) in enumerate(seconds.items()):
        content = result(model, f1=70, seed=seed, cost=cost(taken, 3.825))
        write_member(tmp_path / "s" / str(number), content, settings=config(P3, seed))
    fastest = said(make_report([tmp_path / "s"]))["Fastest"]
    assert not fastest.is_supported
    assert "berturk on p3 is the fastest on average: 10.0 minutes" in fastest.claim
    assert "runs of mbert on p3 took no longer than its slowest, 15.0 minutes" in fastest.claim


def test_a_spot_job_is_cheaper_but_no_faster(tmp_path: Path) -> None:
    costs = (cost(600, 3.6), cost(150, 3.6) | {"spot_saving": 0.75})
    for number, of_job in enumerate(costs):
        settings = config(P3 | {"spot": bool(number)})
        write_member(tmp_path / "s" / str(number), result(f1=70, cost=of_job), settings=settings)
    report = make_report([tmp_path / "s"])
    spot, on_demand = report.comparisons[0].configurations
    assert (spot.minutes, on_demand.minutes) == (10, 10)
    assert (spot.usd, on_demand.usd) == (pytest.approx(0.15), pytest.approx(0.6))
    assert not said(report)["Fastest"].is_supported


def test_equal_prices_are_a_tie(tmp_path: Path) -> None:
    given = answers(questions(), some(0.8, 1))
    for number, (model, seconds) in enumerate((("berturk", 600), ("mbert", 620))):
        content = result(model, cost=cost(seconds, 3.825))
        write_member(tmp_path / "s" / str(number), content, settings=config(P3), given=given)
    cheapest = said(make_report([tmp_path / "s"]))["Cheapest within 1 point of the best F1"]
    assert not cheapest.is_supported and "a tie with mbert on p3" in cheapest.claim


def test_who_costs_least_and_may_be_near_is_told(tmp_path: Path) -> None:
    """The best and its cheaper twin, and a third, cheaper still, that other texts might bring within the point."""
    asked = questions()
    golds = [asked.answers[row][0].text for row in range(len(asked))]
    rights = (range(50), range(50), range(1, 50))
    for number, (model, right) in enumerate(zip(("berturk", "mbert", "xlmr"), rights, strict=True)):
        content = result(model, cost=cost((600, 300, 100)[number], 3.825))
        given = [gold if row in right else "" for row, gold in enumerate(golds)]
        write_member(tmp_path / "s" / str(number), content, settings=config(P3), given=given)
    cheapest = said(make_report([tmp_path / "s"]))["Cheapest within 1 point of the best F1"]
    assert cheapest.claim.startswith("mbert on p3") and not cheapest.is_supported
    assert (
        "xlmr on p3 cost less but scored more than 1 point lower. On other texts the gap may be smaller."
        in cheapest.claim
    )


def test_a_small_gap_on_few_questions_is_not_called_within_a_point(tmp_path: Path) -> None:
    asked = questions(120)
    golds = [asked.answers[row][0].text for row in range(120)]
    for number, (right, seconds) in enumerate(((range(100), 600), (range(10, 109), 60))):
        write_member(
            tmp_path / "s" / str(number),
            result(("berturk", "mbert")[number], cost=cost(seconds, 3.8)),
            settings=config(P3, rows=120),
            given=[gold if row in right else "" for row, gold in enumerate(golds)],
            examples=asked,
        )
    report = make_report([tmp_path / "s"])
    difference = report.comparisons[0].differences[0]
    assert difference.mean == pytest.approx(100 / 120)  # 100 right against 99, on 19 questions the one or the other
    assert difference.high > 1
    cheapest = said(report)["Cheapest within 1 point of the best F1"]
    assert cheapest.claim.startswith("mbert on p3 costs $0.0633 per run instead of $0.63")
    assert not cheapest.is_supported and "it is not shown to stay within 1 point" in cheapest.claim
    assert not said(report)["Best F1"].is_supported


def test_a_machine_without_a_price_is_not_the_cheapest(tmp_path: Path) -> None:
    free = {"billable_seconds": 600, "instance_type": "local", "instance_count": 1, "usd_per_hour": 0, "usd": 0.0}
    write_member(tmp_path / "s/0", result(hardware="local", f1=70, cost=free), settings=config())
    write_member(tmp_path / "s/1", result(f1=69.5, cost=cost(600, 3.8)), settings=config(P3))
    report = make_report([tmp_path / "s"])
    cheapest = said(report)["Cheapest within 1 point of the best F1"]
    assert cheapest.claim.startswith("berturk on p3 costs $0.63 per run, and its F1 is 0.50 points lower")
    assert "1 configuration has no price and was left out." in cheapest.evidence
    assert report.spent_usd == pytest.approx(0.6333)
    (tmp_path / "s/1/result.json").unlink()
    alone = make_report([tmp_path / "s"])
    assert alone.spent_usd is None and "$0.00" not in render_page(alone)


def test_a_rehearsal_says_nothing_of_hardware(published_like: Path) -> None:
    write_manifest(published_like, [{"event": "sweep", "sweep_id": "x", "service": "rehearsal"}])
    report = make_report([published_like])
    assert not said(report)["Fastest"].is_supported
    assert not said(report)["Cheapest within 1 point of the best F1"].is_supported
    for text in (render_page(report), render_markdown(report)):
        assert "nothing was paid" in text and "in all on AWS, had it been no rehearsal" in text


def test_settings_tell_configurations_of_one_model_apart(tmp_path: Path) -> None:
    for number, epochs in enumerate((1.0, 2.0)):
        settings = config(P3, num_train_epochs=epochs)
        write_member(tmp_path / "s" / str(number), result(f1=70 + epochs), settings=settings)
    names = [one.name for one in make_report([tmp_path / "s"]).comparisons[0].configurations]
    assert names == ["berturk on p3 (num_train_epochs=2.0)", "berturk on p3 (num_train_epochs=1.0)"]


def named(tmp_path: Path, *members: tuple[dict[str, Any], dict[str, Any]]) -> list[str]:
    """The names of configurations, in the order of members of falling F1."""
    for number, (content, settings) in enumerate(members):
        content["metrics"] = result(f1=90.0 - number)["metrics"]
        write_member(tmp_path / "s" / str(number), content, settings=settings)
    return [one.name for one in make_report([tmp_path / "s"]).comparisons[0].configurations]


def test_what_an_option_has_decided_is_told_by_the_option(tmp_path: Path) -> None:
    adamw = {"optimizer": {"name": "adamw", "epsilon": 1e-8, "learning_rate": 5e-5, "betas": [0.9, 0.999]}}
    adafactor = {"optimizer": {"name": "adafactor", "learning_rate": 5e-5, "scale": True}}
    faster = {"optimizer": adamw["optimizer"] | {"learning_rate": 1e-4}}
    options = result()["choices"]
    assert named(
        tmp_path,
        (result(), config(P3) | adamw),
        (result(choices=options | {"optimizer": "adafactor"}), config(P3) | adafactor),
        (result(), config(P3) | faster),
    ) == [
        "berturk on p3 (optimizer=adamw, learning_rate=5e-05)",
        "berturk on p3 (optimizer=adafactor, learning_rate=5e-05)",
        "berturk on p3 (optimizer=adamw, learning_rate=0.0001)",
    ]


def test_a_setting_that_one_lacks_is_not_set(tmp_path: Path) -> None:
    assert named(tmp_path, (result(), config(P3 | {"usd_per_hour": 2.0})), (result(), config(P3))) == [
        "berturk on p3 (usd_per_hour=2.0)",
        "berturk on p3 (usd_per_hour=not set)",
    ]


def test_null_says_the_same_as_no_key(tmp_path: Path) -> None:
    """A sweep of before there was a setting, and one of after."""
    older, newer = config(P3, 1), config(P3 | {"usd_per_hour": None}, 2)
    newer["dataset"]["segmentation_file"] = newer["dataset"]["question_words"] = None
    assert named(tmp_path, (result(seed=1), older), (result(seed=2), newer)) == ["berturk on p3"]


def test_very_long_names_are_cut_and_stand_whole_in_the_title(tmp_path: Path) -> None:
    long = "a-model-with-a-name-" * 15
    names = named(tmp_path, *((result(f"{long}{end}"), config(P3)) for end in ("x" * 60, "y" * 60, "x" * 61)))
    assert len(set(names)) == 3 and all(len(name) <= 80 for name in names)
    html = render_page(make_report([tmp_path / "s"]))
    assert f'title="{long}{"x" * 60} on p3"' in html
    text = html.partition('<section id="results-0">')[2].partition("</section>")[0]
    assert max(len(cell) for cell in re.findall(r">([^<>]*)<", text)) < 300


def test_a_name_does_not_turn_the_sentence_around_it(tmp_path: Path) -> None:
    (name,) = named(tmp_path, (result("ber\u202eturk\n"), config(P3)))
    assert name == "ber\ufffdturk\ufffd on p3"


def test_other_questions_are_not_compared(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(f1=70), settings=config(rows=60))
    write_member(tmp_path / "s/1", result(f1=80), settings=config(rows=100))
    report = make_report([tmp_path / "s"])
    assert [len(one.configurations) for one in report.comparisons] == [1, 1]
    assert all("nothing to compare" in advice[0].claim for advice in report.advice)


def test_answers_of_another_data_set_are_not_compared_by_question(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result("berturk"), settings=config(P3), given=answers(questions(), some(0.8, 1)))
    write_member(tmp_path / "s/1", result("mbert"), settings=config(P3), given=answers(questions(), some(0.5, 2)))
    changed = json.loads((tmp_path / "s/1/result.json").read_text("utf-8"))
    changed["metrics"]["f1"] += 0.01
    (tmp_path / "s/1/result.json").write_text(json.dumps(changed), "utf-8")
    report = make_report([tmp_path / "s"])
    assert report.comparisons[0].differences == []
    assert "in scores.jsonl and" in report.comparisons[0].doubts[0]
    assert "(s/1)" in report.comparisons[0].doubts[0]


def test_runs_of_an_older_version_stand_with_their_own_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without scores.jsonl they have scores and intervals, and one line says why they are not compared further."""
    asked = questions()
    for number, model in enumerate(("berturk", "mbert", "xlmr", "finbert")):
        given = answers(asked, some(0.9 - 0.1 * number, number))
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given)
    for number in (1, 2):
        folder = tmp_path / "s" / str(number)
        content = json.loads((folder / "result.json").read_text("utf-8"))
        del content["label"], content["reported_split"]
        (folder / "result.json").write_text(json.dumps(content | {"schema_version": 1}), "utf-8")
        (folder / "scores.jsonl").unlink()
    report = make_report([tmp_path / "s"])
    (comparison,) = report.comparisons
    assert {one.model for one in comparison.configurations} == {"berturk", "mbert", "xlmr", "finbert"}
    assert all(one.compute_interval("f1") for one in comparison.configurations)
    assert {one.model for one in comparison.compared} == {"berturk", "finbert"} and len(comparison.differences) == 1
    assert comparison.doubts == ["mbert on p3 (s/1), xlmr on p3 (s/2): no scores.jsonl: made by an older version"]
    print_closing(report, tmp_path / "index.html")
    markdown, told = render_markdown(report), " ".join(capsys.readouterr().err.split())
    line = "Not compared question by question: mbert on p3 (s/1), xlmr on p3 (s/2): no scores.jsonl: made by an older"
    assert line in told and line in render_page(report).replace("&#39;", "'")
    assert markdown.count("made by an older version") == 1
    assert "made by an older version" in markdown.partition("## Provenance")[0]  # with the comparison it belongs to


def test_only_members_that_answered_the_same_questions_are_compared(tmp_path: Path) -> None:
    """The gold answers of one question differ: what most members answered counts, though the other is the best."""
    asked = questions()
    changed = replace(asked, answers=[asked.answers[0][:1], *asked.answers[1:]], unplaced={0: ("another gold",)})
    for number, (model, examples) in enumerate((("berturk", changed), ("mbert", asked), ("xlmr", asked))):
        given = answers(asked, some((0.9, 0.6, 0.5)[number], number))
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given, examples=examples)
    (comparison,) = make_report([tmp_path / "s"]).comparisons
    assert comparison.configurations[0].model == "berturk"
    assert [one.model for one in comparison.compared] == ["mbert", "xlmr"]
    assert comparison.doubts == ["berturk on p3 (s/0): its questions or gold answers differ from the others'"]


@pytest.mark.slow
def test_a_report_loads_no_data_set_and_no_model_library(whole_sweep: Path) -> None:
    heavy = ("torch", "transformers", "datasets", "tokenizers", "pyarrow", "mlqa.data.load", "mlqa.data.readers")
    code = (
        "import sys\nfrom mlqa.report.build import write_report\n"
        f"write_report([{str(whole_sweep)!r}])\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=TOP)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_model_is_called_by_what_was_loaded(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(f1=70, label="dbmdz/convbert"), settings=config(P3))
    report = make_report([tmp_path / "s"])
    assert report.comparisons[0].configurations[0].name == "dbmdz/convbert on p3"
    assert rows_of(report)[0]["model"] == "dbmdz/convbert"


def test_the_lead_by_memory_is_told(tmp_path: Path) -> None:
    """Half of the contexts stand in train; one model is right on those alone, the other on nearly all the rest."""
    asked = questions()
    seen = asked.context_of % 2 == 0
    golds = [asked.answers[row][0].text for row in range(len(asked))]
    for number, (model, knows) in enumerate((("memory", seen), ("reader", ~seen & (asked.context_of != 1)))):
        given = [gold if known else "" for gold, known in zip(golds, knows, strict=True)]
        write_member(
            tmp_path / "s" / str(number), result(model), settings=config(P3), given=given, examples=asked, unseen=~seen
        )
    report = make_report([tmp_path / "s"])
    comparison = report.comparisons[0]
    memory, reader = comparison.configurations
    difference = comparison.find_difference(reader, memory, unseen=True)
    unseen_rows = [row for row in range(len(asked)) if not seen[row]]
    right = statistics.fmean(float(asked.context_of[row] != 1) for row in unseen_rows)
    assert difference is not None and difference.mean == pytest.approx(100 * right)
    best = said(report)["Best F1"]
    assert not best.is_supported
    told = " ".join(best.evidence)
    assert "On contexts that are not in train, reader on p3 is ahead" in told
    assert "Part of the lead may come from memorized contexts" in told and "significant" in told
    assert "unseen contexts: first − second" in render_page(report)
    row = next(
        line for line in render_markdown(report).splitlines() if line.startswith("| memory on p3 | reader on p3 |")
    )
    assert f"| {difference.mean:+.2f} ".replace("+", "-") in row  # in the other direction: memory minus reader
    assert row.endswith(f"| {difference.p_holm:.4f} |")


def test_page_and_markdown_show_the_same_differences(tmp_path: Path) -> None:
    for number, (model, share) in enumerate((("berturk", 0.9), ("mbert", 0.2))):
        given, unseen = answers(questions(), some(share, number)), np.ones(len(questions()), dtype=bool)
        write_member(tmp_path / "s" / str(number), result(model), settings=config(P3), given=given, unseen=unseen)
    report = make_report([tmp_path / "s"])
    (difference,) = report.comparisons[0].differences
    html, text = render_page(report), render_markdown(report)
    assert "| first | second | F1, first − second | 95 % interval | p | p, Holm | verdict |" in text
    row = next(line for line in text.splitlines() if line.startswith("| berturk on p3 | mbert on p3 |"))
    table = html.partition('<table id="pairs-0-table"')[2].partition("</table>")[0]
    for cell in (f"{difference.mean:+.2f}", f"{difference.low:+.2f} … {difference.high:+.2f}", "significant"):
        assert f"| {cell} |" in row and f">{cell}</td>" in table
    assert f'data-value="{difference.p_holm}"' in table
    assert "unseen contexts: first − second" not in html + text  # all contexts are unseen


def test_several_sweeps_on_one_page(published_like: Path, tmp_path: Path) -> None:
    write_member(tmp_path / "second" / "0", result("mbert", "g4dn", f1=72.0), settings=config(G4DN))
    path = write_report([published_like, tmp_path / "second", published_like], tmp_path / "both")
    assert path == tmp_path / "both" / "index.html"
    assert "second/0" in path.read_text("utf-8")
    assert len(list(csv.DictReader((tmp_path / "both" / "results.csv").open(encoding="utf-8")))) == 5


def test_the_published_rows_are_marked(published_like: Path) -> None:
    report = make_report([published_like], compare_with="blog")
    text, html = render_markdown(report), render_page(report)
    # 1,487, 1,809 and 619 s: the dollars that the original experiment gives
    for row in ("77.14 | 24.8 | 1.58 | 3.825", "76.60 | 30.1 | 0.37 | 0.736", "10.3 | 9.68 | 28.152"):
        assert row in text
    assert "## Published: the original experiment" in text and "deepset/xlm-roberta-base-squad2" in text
    assert "Published: the original experiment" in html
    assert "other questions" in re.sub(r"\s+", " ", html)  # these members answered 60 questions, not TQuAD's 892
    assert "Published" not in render_markdown(make_report([published_like]))


def test_the_published_rows_stand_also_where_no_member_has_a_score(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(status="failed", error="no memory", metrics={}), settings=config())
    report = make_report([tmp_path / "s"], compare_with="blog")
    html = render_page(report)
    for text in (html, render_markdown(report)):
        assert "77.14" in text and "28.152" in text and "no memory" in text
    assert 'href="#published"' in html and html.count('id="published"') == 1
    assert "other questions" not in html and "No answer" in html


def test_published_points_are_drawn_and_told_apart(published_like: Path) -> None:
    report = make_report([published_like], compare_with="blog")
    charts = {chart.name: chart for chart in make_charts(report.comparisons[0], report.published)}
    stars = {
        name: next(trace for trace in charts[name].data if trace["name"] == "published")
        for name in ("f1", "usd", "minutes")
    }
    assert stars["f1"]["y"] == [77.14, 76.60, 75.63, 71.74]
    assert stars["usd"]["y"] == [77.14, 76.60] and stars["usd"]["x"] == pytest.approx([1.58, 0.37], abs=0.01)
    assert stars["minutes"]["x"] == pytest.approx([24.8, 30.15], abs=0.02)
    assert all("do not compare" in charts[name].note for name in stars)


def test_names_alike_where_they_are_cut_have_places_of_their_own(tmp_path: Path) -> None:
    for number in range(2):
        settings = config(P3, a_setting_with_a_very_long_name_indeed=str(number))
        write_member(tmp_path / "s" / str(number), result(f1=70 + number), settings=settings)
    charts = {chart.name: chart for chart in make_charts(make_report([tmp_path / "s"]).comparisons[0], [])}
    for name in ("f1", "speed"):
        assert len(charts[name].layout["xaxis"]["tickvals"]) == 2
        assert all(len(text) <= 40 for text in charts[name].layout["xaxis"]["ticktext"])


def test_reference_by_the_config(tmp_path: Path) -> None:
    write_member(tmp_path / "s/0", result(f1=70), settings=config() | {"report": {"reference": "blog"}})
    assert len(make_report([tmp_path / "s"]).published) == 5


def test_after_ctrl_c_what_never_began_is_missing(tmp_path: Path) -> None:
    sweep = tmp_path / "s"
    write_member(sweep / "0", result(f1=70), settings=config())
    sweeper = {
        "_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "params": {"model": "berturk,mbert"},
    }
    told = {"hydra": {"sweeper": sweeper, "overrides": {"task": ["seed=1"]}}}
    (sweep / "multirun.yaml").write_text(json.dumps(told), "utf-8")
    write_manifest(sweep, [{"event": "planned", "member": 0, "overrides": ["model=berturk", "seed=1"]}])
    report = make_report([sweep])
    assert [(one.name, one.status, one.overrides) for one in report.not_completed] == [
        ("1", "missing", ["model=mbert", "seed=1"])
    ]


def test_money_is_counted_with_every_job(tmp_path: Path) -> None:
    """A failed attempt, the second that completed, and a job that failed: all of them were paid."""
    write_member(tmp_path / "s/0", result(f1=70), settings=config())
    write_manifest(
        tmp_path / "s",
        [
            {"event": "submitting", "member": 0, "job_name": "a"},
            {"event": "ended", "member": 0, "job_status": "Failed", "usd": 0.5},
            {"event": "ended", "member": 0, "job_status": "Failed", "usd": 0.5},  # told twice, paid once
            {"event": "submitting", "member": 0, "job_name": "b"},
            {"event": "ended", "member": 0, "job_status": "Completed", "usd": 0.75},
            {"event": "submitting", "member": 1, "job_name": "c"},
            {"event": "ended", "member": 1, "job_status": "Failed", "usd": 0.25},
        ],
    )
    assert make_report([tmp_path / "s"]).spent_usd == pytest.approx(1.5)


def test_the_end_of_a_sweep_says_it_in_the_terminal(whole_sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finish_sweep(str(whole_sweep))
    told = " ".join(capsys.readouterr().err.split())
    for part in (
        "EM",
        "F1",
        "minutes",
        "Best F1: berturk",
        "Fastest:",
        "12 completed, 1 failed, 1 missing",
        "index.html",
    ):
        assert part in told
    assert "CUDA out of memory" in told
    assert {path.name for path in (whole_sweep / "report").iterdir()} == {"index.html", "results.csv", "results.md"}


def test_a_directory_without_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run"):
        make_report([tmp_path])
    with pytest.raises(RunError, match="no such directory"):
        make_report([tmp_path / "nowhere"])


def test_what_is_no_sweep_is_named(tmp_path: Path) -> None:
    write_member(tmp_path / "s" / "0", result(f1=70), settings=config())
    with pytest.raises(RunError, match="is a file, not a directory"):
        make_report([tmp_path / "s" / "0" / "result.json"])
    with pytest.raises(RunError, match="'': there is no such directory"):
        make_report([""])


def test_a_directory_of_sweeps_is_all_of_them(tmp_path: Path) -> None:
    """`mlqa report multirun`: also what was planned and what was paid stands there, as when each is named."""
    for day, name in (("day1", "a"), ("day2", "b")):
        sweep = tmp_path / "multirun" / day / name
        write_member(sweep / "0", result(f1=70), settings=config())
        planned = [{"event": "planned", "member": number, "overrides": []} for number in (0, 1)]
        write_manifest(sweep, [*planned, {"event": "ended", "member": 0, "job_status": "Completed", "usd": 0.01}])
    write_member(tmp_path / "multirun" / "alone", result(f1=70), settings=config())
    sweeper = {"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper", "params": None}
    told = {"hydra": {"sweeper": sweeper, "overrides": {"task": ["seed=1,2", "hydra.launcher.dry_run=true"]}}}
    (tmp_path / "multirun" / "day2" / "dry").mkdir()
    (tmp_path / "multirun" / "day2" / "dry" / "multirun.yaml").write_text(json.dumps(told), "utf-8")
    report = make_report([tmp_path / "multirun", tmp_path / "multirun" / "day2" / "b"])
    assert [one.label for one in report.members] == ["a/0", "a/1", "b/0", "b/1", "multirun/alone"]
    assert [one.status for one in report.members] == ["completed", "missing"] * 2 + ["completed"]
    assert report.spent_usd == pytest.approx(0.02 + 0.6375)
    assert report.format_spending() == ", $0.66 in all"


def test_cents_are_not_rounded_away(tmp_path: Path) -> None:
    write_member(tmp_path / "s" / "0", result(f1=70, cost=cost(30, 0.5)), settings=config())
    assert make_report([tmp_path / "s"]).format_spending() == ", $0.0042 in all"


def test_markdown_says_where_each_score_comes_from(published_like: Path) -> None:
    text = render_markdown(make_report([published_like]))
    assert "- commit of every member with a score: 0123456789ab" in text
    assert "- data of every member with a score: ac92020e3f8bbdd4" in text
    assert "python 3.11.7, mlqa 0.1.0" in text
    (published_like / "0" / ".hydra" / "overrides.yaml").write_text("[model=xlmr, +a=b]", "utf-8")
    changed = json.loads((published_like / "1" / "result.json").read_text("utf-8"))
    changed["versions"]["commit"] = "another"
    (published_like / "1" / "result.json").write_text(json.dumps(changed), "utf-8")
    table = render_markdown(make_report([published_like])).partition("| member | status |")[2].splitlines()
    assert "| model=xlmr +a=b |" in table[2] and "| 0123456789ab |" in table[2]
    assert "| another |" in table[3]


def test_a_single_run_is_a_sweep_of_one(tmp_path: Path) -> None:
    write_member(tmp_path / "outputs" / "10-00-00", result(f1=70), settings=config())
    report = make_report([tmp_path / "outputs" / "10-00-00"])
    assert [one.label for one in report.members] == ["outputs/10-00-00"]


@pytest.mark.slow
def test_after_ctrl_c_there_is_a_report(tmp_path: Path) -> None:
    """`python train.py -m` with three members here, stopped while the second runs."""
    sweep = tmp_path / "sweep"
    tiny = ["experiment=quickstart", "dataset.sample.train_rows=120", "dataset.sample.validation_rows=30"]
    process = subprocess.Popen(
        [*python("training"), str(TOP / "train.py"), "-m", *tiny, "training.num_train_epochs=1,99,100",
         f"hydra.sweep.dir={sweep}", "model.scratch.num_hidden_layers=1", "report.reference=blog"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
    )  # fmt: skip
    deadline = time.monotonic() + 240
    while not (sweep / "1" / "result.json").exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 130, told
    rows = list(csv.DictReader((sweep / "report" / "results.csv").open(encoding="utf-8")))
    assert [row["status"] for row in rows] == ["completed", "stopped", "missing"]
    assert [row["reason"] for row in rows][1:] == ["stopped by Ctrl-C", "planned, never started"]
    never_started = "training.num_train_epochs=100 model.scratch.num_hidden_layers=1 report.reference=blog"
    assert rows[2]["overrides"].endswith(never_started)
    assert "Published: the original experiment" in (sweep / "report" / "results.md").read_text("utf-8")
    assert "3 members: 1 completed, 1 stopped, 1 missing" in " ".join(told.split())
