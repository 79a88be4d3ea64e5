"""The rooms of ``explorer/``: imports go downwards only."""

import ast
from pathlib import Path

from explorer.web.code import MAKERS

PACKAGE = Path(__file__).parents[1] / "explorer"
ROOMS = (
    "errors",
    "root",
    "notation",
    "core",
    "drawing",
    "data",
    "recipes",
    "bundle",
    "web",
    "adoption",
    "training",
    "app",
    "cli",
)
"""The packages from the lowest to the highest; the modules beside them are entry points."""
ONLY_IN = {"tensorflow": "training", "keras": "training", "streamlit": "app"}


def test_imports_go_downwards() -> None:
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for module in imported_modules(path):
            package, *inside = module.split(".")
            assert ONLY_IN.get(package, room) == room, f"{path} imports {module}"
            if package == "explorer" and room in ROOMS:
                assert ROOMS.index(inside[0]) <= ROOMS.index(room), f"{path} imports {module}"


def test_arithmetic_imports_nothing_of_ours() -> None:
    for path in (PACKAGE / "core").glob("*.py"):
        assert all(
            module.startswith("explorer.core.")
            for module in imported_modules(path)
            if module.startswith("explorer")
        ), path


def test_data_go_from_files_over_sources_to_layouts() -> None:
    steps = ["files", "sources", "layouts"]
    for number, step in enumerate(steps):
        later = tuple(f"explorer.data.{other}." for other in steps[number + 1 :])
        for path in (PACKAGE / "data" / step).glob("*.py"):
            upwards = [module for module in imported_modules(path) if module.startswith(later)]
            assert upwards == [], path


def test_the_version_of_what_a_browser_keeps_covers_all_that_makes_it() -> None:
    for module in imported_modules(PACKAGE / "web" / "payload.py"):
        package, *inside, _ = [*module.split("."), ""]
        if package == "explorer":
            whole, outer = PACKAGE.joinpath(*inside), PACKAGE.joinpath(*inside[:-1])
            assert {whole.with_suffix(".py"), outer.with_suffix(".py")} & {*MAKERS}, module


def imported_modules(path: Path) -> list[str]:
    modules = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules += [f"{node.module}.{alias.name}" for alias in node.names]
    return modules
