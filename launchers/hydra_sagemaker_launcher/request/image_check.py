"""Ask the app whether a member can run with the software of its image, and which other image could run it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from hydra_sagemaker_launcher.catalog.fallbacks import list_candidates
from hydra_sagemaker_launcher.catalog.images import Image, list_fitting_releases
from hydra_sagemaker_launcher.catalog.registries import is_listed
from hydra_sagemaker_launcher.catalog.releases import Release, load_releases
from hydra_sagemaker_launcher.errors import LaunchError
from hydra_sagemaker_launcher.request.plan import PlannedMember, resolve_requirements

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([\w.]+)", re.MULTILINE)

Check = Callable[[Any, Mapping[str, str]], Sequence[str]]


def find_unfit_members(planned: Sequence[PlannedMember], options: Any, project: Path) -> Iterator[str]:
    """Yield a line for each reason why a member cannot run with the software of its image, with the way out.

    Args:
        planned: The members that will run.
        options: The launcher's options. `check_image` names the app's function: from a member's config and its
            software, {name: version}, it returns what is wrong, one line each.
        project: The folder that `requirements` is relative to.
    """
    if options.check_image is None:
        return
    try:
        check = _find_check(options.check_image)
    except LaunchError as error:
        yield from error.problems
        return
    for item in planned:
        for problem in check(item.member.config, list_software(item.image, options, project)):
            yield f"#{item.member.number}: {problem}; {_find_way_out(item, check, options, project)}"


def list_software(image: Image, options: Any, project: Path) -> dict[str, str]:
    """Return the versions that a job will have, as far as they are known: {"transformers": "4.36.0", "torch": ...}.

    They are those of the image and the pins of the requirements file that is installed there.
    """
    release = image.release
    software = {key: getattr(release, key) for key in ("python", "transformers", "torch") if getattr(release, key)}
    name = resolve_requirements(options, image)
    if name is not None and (project / name).is_file():
        software |= dict(_PIN.findall((project / name).read_text("utf-8")))
    return software


def _find_check(dotted: str) -> Check:
    from hydra._internal.utils import _locate  # hydra.utils.get_method would also log the error

    try:
        check = _locate(dotted)
    except Exception as error:
        raise LaunchError(
            f"hydra.launcher.check_image={dotted}: is not a function: {' '.join(str(error).split())}; give the dotted "
            "name of one that the app can import"
        ) from error
    if not callable(check):
        raise LaunchError(
            f"hydra.launcher.check_image={dotted}: is not a function but a {type(check).__name__}; give the dotted "
            "name of one that the app can import"
        )
    return cast("Check", check)


def _find_way_out(item: PlannedMember, check: Check, options: Any, project: Path) -> str:
    """Return which image can run a member: one for its instance type, or one for others."""

    def can_run(release: Release) -> bool:
        try:
            return not check(item.member.config, list_software(Image("", release), options, project))
        except LaunchError:  # there are no requirements for it
            return False

    here = [release.name for release in list_fitting_releases(list_candidates(item.hardware)) if can_run(release)]
    if here:
        return f"choose hardware.image={here[0]}"
    name = item.hardware.instance_type
    others = [release for release in load_releases().values() if release.cuda and is_listed(release)]
    elsewhere = [release.name for release in others if can_run(release)]
    if elsewhere:
        return f"{elsewhere[0]} can, but it is not made for {name}, so choose another instance type"
    return "no image of the catalog can"
