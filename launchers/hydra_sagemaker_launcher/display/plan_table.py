"""The plan of a launch as a table, which a dry run ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hydra_sagemaker_launcher.catalog.fallbacks import is_chosen_by_sagemaker
from hydra_sagemaker_launcher.catalog.hardware import list_assumptions
from hydra_sagemaker_launcher.member import Member, find_distinct_overrides
from hydra_sagemaker_launcher.request.plan import PlannedMember


def print_plan(
    local: Sequence[Member],
    planned: Sequence[PlannedMember],
    done: Mapping[int, str],
    budget_usd: float | None = None,
    trials: int | None = None,
) -> None:
    """Print the plan of a dry run.

    Args:
        local: The members that would run here.
        planned: The members that would run on SageMaker.
        done: The statuses of those that a resumed sweep leaves as they are, by number.
        budget_usd: The sweep's budget, None if it has none.
        trials: The number of members of all batches, None if this launch has all of them.
    """
    console = Console()
    console.print(build_plan_table(local, planned, done))
    total = _sum_worst_cases([item for item in planned if item.member.number not in done])
    shown = len(local) + len(planned)
    if trials is not None and trials > shown and planned:
        dearest = max(item.worst_case or 0.0 for item in planned)
        total += (trials - shown) * dearest
        console.print(
            f"This is the first batch. All {trials} members of the sweeper cost at most ${total:.2f}, if none of the "
            f"{trials - shown} others is dearer than ${dearest:.2f}.",
            highlight=False,
        )
    if budget_usd is not None:
        verdict = "all jobs may run at once" if total <= budget_usd else "jobs wait for others to end, or are left out"
        console.print(f"hydra.launcher.budget_usd={budget_usd:g}: {verdict}.", highlight=False)
    console.print("Nothing was submitted (hydra.launcher.dry_run).")


def build_plan_table(local: Sequence[Member], planned: Sequence[PlannedMember], through: Mapping[int, str]) -> Table:
    """Build the table of a plan: one row per member, and the total of the worst cases.

    Args:
        local: The members that run in this process.
        planned: The members that run on SageMaker.
        through: {number: status} of the members that will not run again. The status is shown instead of what they may
            cost.
    """
    table = Table(title="What would be submitted", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("#", justify="right")
    for name in ("member", "instances", "image"):
        table.add_column(name, overflow="fold")
    for name in ("$/h", "max h", "max $"):
        table.add_column(name, justify="right")
    words = find_distinct_overrides([*local, *(item.member for item in planned)])
    rows: dict[int, tuple[str, ...]] = {
        member.number: ("this machine", "", "", "", through.get(member.number, "")) for member in local
    }
    for item in planned:
        hardware = item.hardware
        spot = " spot" if hardware.spot else ""
        distribution = "" if hardware.distribution == "none" else f" {hardware.distribution}"
        rows[item.member.number] = (
            f"{hardware.instances}{distribution}{spot}",
            item.image.label,
            "?" if item.price is None else f"{item.price.usd_per_hour:.4g}" + ("*" if item.price.estimate else ""),
            f"{hardware.max_hours:g}",
            through.get(item.member.number) or ("?" if item.worst_case is None else f"{item.worst_case:.2f}"),
        )
    for number in sorted(rows):
        table.add_row(str(number), Text(" ".join(words[number])), *rows[number])
    to_come = [item for item in planned if item.member.number not in through]
    table.add_section()
    table.add_row("", f"{len(to_come)} jobs, at most", "", "", "", "", _format_total(to_come))
    table.caption = Text("\n".join(_list_notes(planned)))
    table.caption_justify = "left"
    return table


def _format_total(planned: Sequence[PlannedMember]) -> str:
    """Format the sum of the worst cases, in which an unknown price is not free."""
    unknown = " + ?" if any(item.worst_case is None for item in planned) else ""
    return f"{_sum_worst_cases(planned):.2f}{unknown}"


def _sum_worst_cases(planned: Sequence[PlannedMember]) -> float:
    return sum(item.worst_case for item in planned if item.worst_case is not None)


def _list_notes(planned: Sequence[PlannedMember]) -> list[str]:
    dearest = ", on its dearest instance type" if any(item.candidates for item in planned) else ""
    pools = ", and every warm pool waits to its end" if any(item.warm_pool_usd for item in planned) else ""
    notes = [f"max $: if every job runs until hardware.max_hours stops it{dearest}{pools}."]
    notes += dict.fromkeys(_describe_fallbacks(item) for item in planned if item.candidates)
    notes += dict.fromkeys(f"{item.image.label}: {item.image.uri}" for item in planned)
    if estimates := {item.price.source for item in planned if item.price is not None and item.price.estimate}:
        notes.append(
            f"* an estimate: {', '.join(sorted(estimates))}, us-east-1; the AWS Pricing API could not be asked."
        )
    return notes + list(dict.fromkeys(line for item in planned for line in list_assumptions(item.hardware)))


def _describe_fallbacks(item: PlannedMember) -> str:
    who = "SageMaker chooses" if is_chosen_by_sagemaker(item.hardware) else "the launcher submits one after the other"
    types = (
        f"{each.hardware.instances} at {'?' if each.price is None else f'{each.price.usd_per_hour:.4g}'} $/h"
        for each in item.candidates
    )
    return f"hardware.fallbacks, {who}: {', '.join(types)}"
