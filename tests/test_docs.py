"""Test README and docs: links and pictures exist, commands compose, and the site has every page.

`make docs` checks the links again, as the site has them, and the docstrings.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mlqa.cli import COMMANDS
from mlqa.config.compose import compose_all, initialize_hydra
from mlqa.config.member_overrides import split_members

TOP = Path(__file__).resolve().parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
GUIDES = sorted((TOP / "docs" / "contributing").glob("*.md"))
MORE = [TOP / "CONTRIBUTING.md", TOP / "SECURITY.md", TOP / "CHANGELOG.md", TOP / "benchmarks" / "README.md"]
# Commands that are wrong on purpose or are placeholders.
NO_COMMAND = re.compile(r"bertrk|\.\.\.|--help|-sc |<")


def blocks(text: str) -> str:
    """Return the content of fenced blocks, with continued lines joined."""
    found = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "".join(found).replace("\\\n", " ")


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *GUIDES, *MORE], ids=lambda page: page.relative_to(TOP).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text("utf-8")), target


def test_every_page_is_named_in_the_readme() -> None:
    readme = PAGES[0].read_text("utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in readme] == []


def test_every_guide_is_named_where_contributors_begin() -> None:
    contributing = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    assert [page.name for page in GUIDES if f"(docs/contributing/{page.name})" not in contributing] == []


def test_the_site_names_every_page_and_package() -> None:
    site = (TOP / "mkdocs.yml").read_text("utf-8")
    named = re.findall(r": (\S+\.md)$", site.partition("\nnav:\n")[2].partition("\nvalidation:\n")[0], re.MULTILINE)
    products = [TOP / root / name for root in ("launchers", "sweepers") for name in ("README.md", "CHANGELOG.md")]
    pages = {page.relative_to(TOP).as_posix() for page in (*PAGES, *GUIDES, *MORE, *products)}
    packages = {
        ".".join(init.parent.relative_to(root).parts)
        for root in (TOP / "src", TOP / "launchers", TOP / "sweepers")
        for init in root.rglob("__init__.py")
        if "shim" not in init.parts
    }
    assert len(named) == len(set(named))
    assert set(named) == pages | {f"api/{package}.md" for package in packages}


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((TOP / "CITATION.cff").read_text("utf-8"))
    declared = (TOP / "pyproject.toml").read_text("utf-8")
    assert f'version = "{citation["version"]}"' in declared and f'license = "{citation["license"]}"' in declared


def commands() -> list[list[str]]:
    """Return the words of each command on the pages that a user begins with, without duplicates."""
    pages = [
        page for page in PAGES if page.stem in ("README", "quickstart", "configuration", "new-language", "results")
    ]
    text = "".join(blocks(page.read_text("utf-8")) for page in pages)
    lines = [line.removeprefix("$ ") for line in text.splitlines() if not NO_COMMAND.search(line)]
    kept = {line: None for line in lines if re.match(r"(python train\.py|mlqa)( |$)", line)}
    return list({tuple(shlex.split(line, comments=True)): None for line in kept})


@pytest.mark.slow
def test_commands_compose() -> None:
    """Test the last member of each sweep, because a wrong key or group is wrong in all members."""
    members: dict[tuple[str, ...], None] = {}
    with initialize_hydra():
        for program, command, *rest in commands():
            assert program == "python" or command in COMMANDS
            overrides = [word for word in rest if re.match(r"\+?[a-z_./]+=", word)]
            of_command = split_members(overrides, program == "mlqa" or "-m" in rest)
            members[tuple(of_command[-1])] = None
        assert len(members) > 20
        compose_all([list(member) for member in members])  # raises with all problems
