"""What linters miss: the shape of the tree, sizes, names, docstrings, imports inside functions."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import edge
import gateway
import marketplace
import search
import services

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"services", "gateway", "edge", "marketplace", "search"}
TOP_LEVEL = PACKAGES | {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "deploy",
    "docs",
    "pyproject.toml",
    "requirements-bench.lock",
    "requirements-dev.lock",
    "requirements.lock",
    "tests",
}
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "stuff", "manager"}
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists())


def python_files() -> tuple[Path, ...]:
    return tracked("*.py")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_top_level_holds_only_what_the_architecture_names() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert found <= TOP_LEVEL, f"stray at the top level: {sorted(found - TOP_LEVEL)}"


@pytest.mark.parametrize("package", [services, gateway, edge, marketplace, search])
def test_import_packages_are_ours(package: object) -> None:
    file = Path(str(getattr(package, "__file__", "")))
    assert file.is_relative_to(ROOT), f"{file} shadows our package: remove what installed it"


def test_no_name_says_nothing() -> None:
    parts = {
        part for path in python_files() for part in path.relative_to(ROOT).with_suffix("").parts
    }
    assert not parts & BANNED_NAMES


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        named(path)
        for path in python_files()
        if ast.get_docstring(ast.parse(path.read_text())) is None and path.name != "__init__.py"
    ]
    assert silent == []


def test_files_stay_short() -> None:
    sources = tracked("*.py", "*.sql", "*.css", "*.js", "*.html")
    long = {
        named(path): lines
        for path in sources
        if (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_functions_stay_short() -> None:
    long = [
        f"{named(path)}:{function.lineno} {function.name}"
        for path in python_files()
        for function in functions(ast.parse(path.read_text()))
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_own_packages_are_imported_at_the_top() -> None:
    hidden = [
        f"{named(path)}:{node.lineno}"
        for path in python_files()
        for function in functions(ast.parse(path.read_text()))
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES
    ]
    assert hidden == [], "an import inside a function hides a cycle"


def test_contexts_hold_only_the_files_of_a_context() -> None:
    layers = {"domain", "tables", "store", "handlers", "schemas", "routes", "consumers", "__init__"}
    extra = {
        "marketplace/offers": {"importing", "pricing", "promotion"},
        "marketplace/demands": {"importing"},
        "services/booking": {"launcher", "writing"},
        "services/matching": {
            "chains",
            "clearing",
            "engine",
            "explain",
            "ladders",
            "ranking",
            "relaxation",
            "routing",
            "service",
            "snapshot",
            "transport",
        },
    }
    stray = []
    for context in [
        *(ROOT / "services" / name for name in ("identity", "capacity", "matching", "booking")),
        *(ROOT / "marketplace" / name for name in ("offers", "demands")),
    ]:
        allowed = layers | extra.get(named(context), set())
        stray += [
            named(entry)
            for entry in context.iterdir()
            if entry.suffix in {"", ".py"} and entry.stem not in allowed | {"__pycache__"}
        ]
    assert stray == []


LEAKS = {
    "a path of one machine": re.compile(r"/(?:work|root|home/\w+)/|/tmp/x"),
    "a registry's host name": re.compile(
        r"pypi\.org|pythonhosted\.org|registry\.npmjs|npmjs\.org|deb\.debian\.org|crates\.io"
    ),
}


@pytest.mark.parametrize("what", LEAKS)
def test_nothing_committed_names(what: str) -> None:
    texts = (path for path in tracked() if path.suffix not in {".png", ".ico", ".mo"})
    found = [
        f"{named(path)}: {match.group()}"
        for path in texts
        if path != Path(__file__)
        and (match := LEAKS[what].search(path.read_text(errors="replace")))
    ]
    assert found == []
