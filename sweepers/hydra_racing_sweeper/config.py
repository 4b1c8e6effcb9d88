"""Every option of the sweeper, as `hydra.sweeper.<option>`. README.md explains each at length."""

from dataclasses import dataclass, field
from typing import Optional


@dataclass
class ItemsConf:
    """Where a member leaves the score of each question (item) that it was tested on, as JSON lines."""

    file: Optional[str] = None  # relative to the member's directory. null: only what the return value holds
    id: str = "id"  # key of the item's name
    score: str = "score"  # key of the item's score
    score_named_by: Optional[str] = None  # dotted key of result_file that holds the name of that key. null: `score`
    group: Optional[str] = None  # key of what items share, such as a text with several questions. null: nothing
    scale: float = 1.0  # what an item's score is multiplied by to have the unit of the member's score
    # Which lines count, if the file holds other tests too: {key of a line: dotted key of result_file with its value}.
    match: dict[str, str] = field(default_factory=dict)


@dataclass
class RacingSweeperConf:
    """The sweeper's options and their defaults."""

    _target_: str = "hydra_plugins.racing_sweeper.sweeper.RacingSweeper"
    params: Optional[dict[str, str]] = None  # sweeps of a config file, as the basic sweeper has them: {lr: "0.1,0.2"}

    # --- what repeats
    replicate_key: Optional[str] = "seed"  # gets another value in each replicate. null: the app varies by itself
    min_replicates: int = 2  # before anybody can leave. They are launched together
    max_replicates: int = 5  # after which the race ends, and over which the level is shared out: fixed at the start

    # --- the rule
    direction: str = "maximize"  # or minimize: which scores are better
    alpha: float = 0.05  # how often, at most, the race may claim something wrong
    indifference: float = 0.5  # a difference that you would not act on, in the unit of the score
    collapse: float = 10.0  # a run that far below the best run of its treatment has collapsed: counted, but set aside
    prior_sd: float = 0.6  # standard deviation over replicates that you expect before there is data
    prior_df: float = 4.0  # how many degrees of freedom that expectation is worth

    # --- the budget. null: no limit
    budget_runs: Optional[int] = None  # members in all
    budget_usd: Optional[float] = None  # dollars in all, as members report them
    budget_minutes: Optional[float] = None  # minutes of all members, added up
    usd_per_run: Optional[float] = None  # what you expect a run to cost, until members report it
    minutes_per_run: Optional[float] = None  # the same in minutes

    # --- a short first stage, which only those pass that are not far behind. null: none
    rung_key: Optional[str] = None  # the key of the length of a training, such as training.num_train_epochs
    rung_share: float = 1 / 3  # the share of that length that the two runs of the stage get
    rung_margin: float = 5.0  # who is more than this behind the best in both runs leaves

    # --- what a member reports, in a mapping that it returns or in a JSON file in its directory
    result_file: Optional[str] = "result.json"  # relative to the member's directory. It may be missing
    score_key: str = "score"  # dotted key. Not needed by a member that returns a number
    seconds_key: str = "seconds"  # how long it took. Missing: the time that the task function took
    usd_key: str = "usd"  # what it cost
    items: ItemsConf = field(default_factory=ItemsConf)

    # --- failures
    retries: int = 2  # how often a run is repeated that did not fail by its own fault
    # Regular expressions that tell such a failure from one of the treatment, such as running out of memory.
    repeat_on: list[str] = field(
        default_factory=lambda: [
            r"(?i)\bspot\b.*\b(interrupt|terminat|reclaim)",
            r"(?i)preempt",
            r"(?i)connection (reset|refused|aborted|timed out)",
            r"(?i)name resolution",
            r"\b(Capacity|InternalServer|Connection|UncompletedJob)Error\b",
            r"\bstopped:",
        ]
    )

    # --- the launch
    run_ahead: bool = True  # start a leader's next run in a free slot, if the launcher hands members back one by one
    dry_run: bool = False  # print the plan and exit. Also set by hydra.launcher.dry_run
    n_trials: Optional[int] = None  # filled in: the most members that the race can have, for launchers that price them
