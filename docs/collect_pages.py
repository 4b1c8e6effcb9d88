"""Collect the pages of the documentation site in build/pages, the folder that mkdocs.yml reads: `make docs`.

A page has the place there that it has in the repository, so a relative link works on a forge and in the site. Only a
link to something that is no page is changed: a module or a package becomes its place in the API reference, which is
written here, another file a copy beside the pages, and a folder plain text.
"""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TREE = TOP / "build" / "pages"
PAGES = ("*.md", "docs/*.md", "docs/contributing/*.md", "launchers/*.md", "sweepers/*.md", "benchmarks/*.md")
PICTURES = ("docs/**/*.png",)
# Where packages are imported from. The rehearsal's stand-in for smdistributed is not an API.
ROOTS = {
    TOP / "src": ("mlqa",),
    TOP / "launchers": ("hydra_sagemaker_launcher", "hydra_plugins", "sagemaker_rehearsal"),
    TOP / "sweepers": ("hydra_racing_sweeper", "hydra_plugins"),
}
NO_API = TOP / "launchers" / "sagemaker_rehearsal" / "shim"
# A fenced block or inline code, which hold no links, or a link.
LINK = re.compile(
    r"^```.*?^```|`[^`\n]*`|\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)", re.MULTILINE | re.DOTALL
)


def list_files(patterns: tuple[str, ...]) -> list[Path]:
    """List the files of the repository that match one of the patterns."""
    return [path for pattern in patterns for path in sorted(TOP.glob(pattern))]


def list_packages() -> dict[Path, str]:
    """List the packages of the API reference: the dotted name of each folder."""
    return {
        init.parent: ".".join(init.parent.relative_to(root).parts)
        for root, names in ROOTS.items()
        for name in names
        for init in sorted((root / name).rglob("__init__.py"))
        if NO_API not in init.parents
    }


def write_api_page(package: str, modules: list[str]) -> str:
    """Write the page of a package: what it says of itself, then each of its modules."""
    about = f"::: {package}\n    options: {{show_root_heading: false, show_root_toc_entry: false, members: false}}"
    return "\n\n".join([f"# {package}", about, *(f"::: {package}.{module}" for module in modules)]) + "\n"


def write_link(page: Path, packages: dict[Path, str], link: re.Match[str]) -> str:
    """Write a link of a page as it must be in the site.

    Raises:
        FileNotFoundError: The link leads nowhere.
    """
    target = link["target"]
    if target is None or re.match(r"[a-z]+:", target):
        return link[0]
    file = (page.parent / target).resolve(strict=True)
    if file.suffix in (".md", ".png"):
        return link[0]
    package = packages.get(file if file.is_dir() else file.parent)
    if package and (file.is_dir() or file.suffix == ".py"):
        name = package if file.stem == "__init__" or file.is_dir() else f"{package}.{file.stem}"
        up = "../" * len(page.relative_to(TOP).parents[:-1])
        return f"[{link['text']}]({up}api/{package}.md" + (f"#{name})" if name != package else ")")
    if file.is_dir():
        return str(link["text"])
    copy_file(file)
    return link[0]


def copy_file(path: Path) -> None:
    """Copy a file of the repository to its place in the tree."""
    place = TREE / path.relative_to(TOP)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)


def main() -> None:
    """Write the tree anew."""
    shutil.rmtree(TREE, ignore_errors=True)
    packages = list_packages()
    for folder, name in packages.items():
        page = TREE / "api" / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        modules = [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("__")]
        page.write_text(write_api_page(name, modules), "utf-8")
    for picture in list_files(PICTURES):
        copy_file(picture)
    for path in list_files(PAGES):
        copy_file(path)
        text = LINK.sub(partial(write_link, path, packages), path.read_text("utf-8"))
        (TREE / path.relative_to(TOP)).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
