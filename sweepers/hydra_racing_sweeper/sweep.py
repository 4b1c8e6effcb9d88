"""One race, from the command line to its end: compose, ask the launcher for members, tell the race, judge, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_racing_sweeper.composing import complete_treatments
from hydra_racing_sweeper.conclusion import conclude
from hydra_racing_sweeper.config import RacingSweeperConf
from hydra_racing_sweeper.display.lines import format_member, report_end, report_round
from hydra_racing_sweeper.errors import RaceError
from hydra_racing_sweeper.files import lock_directory
from hydra_racing_sweeper.member_record import FOLDER, read_record
from hydra_racing_sweeper.options import build_rule
from hydra_racing_sweeper.race import Member, Race, Wanted, group_consecutive
from hydra_racing_sweeper.reporting import apply_record, record_return
from hydra_racing_sweeper.running_ahead import choose_run_ahead
from hydra_racing_sweeper.state_file import FILE, check_same, read_race, write_race
from hydra_racing_sweeper.stepping import take_step
from hydra_racing_sweeper.treatments import split_overrides

log = logging.getLogger("racing_sweeper")


class Sweep:
    """Drives a race with whatever launcher Hydra has made."""

    def __init__(self, options: RacingSweeperConf) -> None:
        """Prepare a race.

        Args:
            options: The options of the sweeper.
        """
        self._options = options
        self._returns: list[list[JobReturn]] = []
        self._asked_at: dict[int, float] = {}

    def run(
        self, arguments: Sequence[str], launcher: Launcher, config: DictConfig, context: HydraContext
    ) -> list[list[JobReturn]]:
        """Run the race, or go on with the one in the sweep's directory.

        Args:
            arguments: The overrides of the app.
            launcher: Runs the members.
            config: The config of the sweep. n_trials is filled in.
            context: Hydra's context.

        Returns:
            The JobReturns of each launch.

        Raises:
            RaceError: The race cannot start or go on.
        """
        self._launcher, self._config = launcher, config
        self._cwd = Path(str(config.hydra.runtime.cwd))
        self._sweep_dir = Path(self._cwd, str(config.hydra.sweep.dir))
        self._race = self._build_race(arguments, context)
        if self._plan():
            return self._returns
        self._lock = lock_directory(self._sweep_dir / FOLDER)
        self._resume()
        OmegaConf.save(config, self._sweep_dir / "multirun.yaml")
        try:
            self._drive()
        except (KeyboardInterrupt, SystemExit):
            log.warning("the race has not ended; to go on, give the same command with %s", self._way_back)
            raise
        report_end(self._race, self._sweep_dir)
        return self._returns

    # --- start

    def _build_race(self, arguments: Sequence[str], context: HydraContext) -> Race:
        params = [f"{key}={value}" for key, value in (self._options.params or {}).items()]
        parser = OverridesParser.create(config_loader=context.config_loader)
        grid = split_overrides(parser.parse_overrides([*params, *arguments]), self._options)
        complete_treatments(grid, self._options, self._config, context)
        return Race(
            rule=build_rule(self._options),
            direction=self._options.direction,
            replicate_key=grid.replicate_key,
            replicates=grid.replicates,
            treatments=grid.treatments,
            rung_share=None if self._options.rung_key is None else self._options.rung_share,
            rung_margin=self._options.rung_margin,
        )

    def _plan(self) -> bool:
        """Fill in the worst case. In a dry run, print the plan, and return whether that is all."""
        from hydra_racing_sweeper.display.plan import count_most_runs, print_plan

        with open_dict(self._config.hydra.sweeper):
            self._config.hydra.sweeper.n_trials = count_most_runs(self._race, self._options)
        launcher_dry = bool(OmegaConf.select(self._config, "hydra.launcher.dry_run", default=False))
        if not (self._options.dry_run or launcher_dry):
            return False
        print_plan(self._race, self._options)
        if not self._options.dry_run:  # the launcher prints its own plan of the first round, and exits
            batch = [self._race.add_member(wanted).overrides for wanted in take_step(self._race, self._options)]
            self._launcher.launch(batch, initial_job_idx=0)
        return True

    def _resume(self) -> None:
        """Go on with the race in the directory, if there is one."""
        if not (self._sweep_dir / FILE).exists():
            if len(self._race.treatments) == 1:
                log.warning("there is one treatment, so there is nothing to decide; list values, as in model=a,b")
            return
        old = read_race(self._sweep_dir)
        check_same(old, self._race, self._sweep_dir)
        self._race = old
        old.resumed_at = len(old.members)
        if old.end is not None and old.end.resumable:
            for index, treatment in enumerate(old.treatments):
                if treatment.state == "undecided":
                    old.treatments[index].state = "racing"
            old.end = None
        for member in old.list_members(None, "asked"):
            record = read_record(self._sweep_dir, member.number)
            if record is not None and record.get("overrides") == member.overrides:
                apply_record(member, record, self._options)
        done = len(old.list_members(None, "completed"))
        log.info("resuming the race in %s: %d members are done", self._sweep_dir, done)

    # --- the race

    def _drive(self) -> None:
        pending = self._race.list_members(None, "asked")
        for group in group_consecutive(pending if self._race.end is None else []):
            log.info("asking again for %d members that were interrupted", len(group))
            self._launch(group)
        self._queue = self._take_step()
        if self._queue and hasattr(self._launcher, "launch_as_completed"):
            self._stream()
        while self._queue:
            group = [self._race.add_member(wanted) for wanted in self._queue]
            self._launch(group)
            self._queue = self._take_step()

    def _take_step(self) -> list[Wanted]:
        before = len(self._race.looks)
        try:
            wanted = take_step(self._race, self._options)
        except RaceError:
            write_race(self._sweep_dir, self._race)
            raise
        if self._race.end is not None and not self._race.end.new_questions:
            conclude(self._race, self._sweep_dir, self._options)
        write_race(self._sweep_dir, self._race)
        if len(self._race.looks) > before and self._race.end is None:
            report_round(self._race)
        return wanted

    def _launch(self, members: Sequence[Member]) -> None:
        """Run members as one batch."""
        write_race(self._sweep_dir, self._race)
        began = time.monotonic()
        batch = [list(member.overrides) for member in members]
        returns = self._launcher.launch(batch, initial_job_idx=members[0].number)
        self._returns.append(list(returns))
        seconds = (time.monotonic() - began) / len(members)
        for member, returned in zip(members, returns, strict=True):
            self._record(member, returned, seconds)

    def _stream(self) -> None:
        """Run members one by one as the launcher has free slots."""
        self._has_free_slots, self._round_results = False, 0
        self._returns.append([])
        results = self._launcher.launch_as_completed(self._offer(), len(self._race.members))  # type: ignore[attr-defined]
        for number, returned in results:
            member = self._race.members[number]
            self._returns[-1].append(returned)
            self._record(member, returned, time.monotonic() - self._asked_at.get(number, time.monotonic()))
            self._round_results += 1
            if not self._queue and not self._race.list_pending():
                self._has_free_slots, self._round_results = False, 0
                self._queue = self._take_step()
            if self._race.end is not None and (running := self._race.list_members(None, "asked")):
                for each in running:
                    each.status, each.reason = "stopped", "the race had ended"
                write_race(self._sweep_dir, self._race)
                break  # the launcher stops them
        if self._race.end is None:
            raise RaceError(
                f"the launcher has ended before the race; to go on, give the same command with {self._way_back}"
            )

    def _offer(self) -> Iterator[list[str] | None]:
        """Offer the next member for each free slot, None if there is none before the next result."""
        while self._race.end is None:
            wanted: Wanted | None = None
            if self._queue:
                wanted = self._queue.pop(0)
            elif self._options.run_ahead and self._round_results and not self._has_free_slots:
                wanted = choose_run_ahead(self._race, self._options)
            if wanted is None:
                # Slots are not scarce if one is free before the first result of a round. Then nothing runs ahead.
                self._has_free_slots |= not self._round_results
                yield None
                continue
            member = self._race.add_member(wanted)
            self._asked_at[member.number] = time.monotonic()
            write_race(self._sweep_dir, self._race)
            yield list(member.overrides)

    def _record(self, member: Member, returned: JobReturn, seconds: float) -> None:
        record_return(member, returned, self._sweep_dir, self._cwd, seconds, self._options)
        write_race(self._sweep_dir, self._race)
        log.info(format_member(self._race, member))

    @property
    def _way_back(self) -> str:
        if OmegaConf.select(self._config, "hydra.launcher.resume", default=0) != 0:
            return f"hydra.launcher.resume={self._sweep_dir}"
        return f"hydra.sweep.dir={self._sweep_dir}"
