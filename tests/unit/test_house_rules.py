"""Rules of the house that a machine can check: imports, docstrings, plain words and SQL."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    "journeys",
    "workflows",
    "activities",
    "dispatch",
    "inbound",
    "channels",
    "store",
    "api",
    "simulation",
    "infra",
    "devstack",
    "doctor",
    "cli",
    "demo",
)

MIGRATIONS = ROOT / "store" / "migrations" / "versions"

OBSCURE = re.compile(
    r"""(?<![a-z])(
        anew | told | nobody('s)? | whoever | whatever | thereby | fates? | lapsed? | lest
      | foresee(s|n|ing)? | foresaw | bury | buried | addressees? | hitherto | wherein
      | that\ which | is\ none\ of | none\ of\ ours | what\ became\ of | what\ comes\ of
    )(?![a-z])""",
    re.VERBOSE | re.IGNORECASE,
)
"""Words and turns of phrase that an engineer whose second language is English has to look up."""

FIXED_TEXTS: dict[str, set[str]] = {
    # A user of the operating system.
    "devstack/postgres.py": {"nobody"},
    # A fact that visits have stored under this name.
    "activities/waiting/waits.py": {"fate"},
    "journeys/schedule/wait_plan.py": {"fate"},
    "tests/integration/engine/test_moments.py": {"fate"},
    # Messages of validation that users know.
    "journeys/checks/templates.py": {"nobody"},
    "journeys/checks/validation.py": {"nobody"},
    "tests/unit/journeys/test_validation.py": {"nobody"},
    "tests/unit/journeys/test_all_at_once.py": {"nobody"},
}
"""File → words that it may hold, and why."""


@cache
def tracked(*patterns: str) -> list[Path]:
    """The files of the project that match the patterns of git."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).exists()]


def product_files() -> list[Path]:
    """The Python files of the product."""
    return [
        path
        for path in tracked("*.py")
        if path.relative_to(ROOT).parts[0] in (*ROOMS, "worker.py", "benchmarks")
    ]


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    imports = {
        module: graph.find_modules_directly_imported_by(module) - {module}
        for module in graph.modules
    }
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' -> '.join(error.args[1])}")


def documented(path: Path) -> Iterator[tuple[str, str | None]]:
    """What a file has to say in docstrings: (place, docstring)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = str(path.relative_to(ROOT))
    yield name, ast.get_docstring(tree)

    def inside(node: ast.AST, prefix: str) -> Iterator[tuple[str, str | None]]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if child.name.startswith("_"):
                continue
            yield f"{name}:{child.lineno} {prefix}{child.name}", ast.get_docstring(child)
            if isinstance(child, ast.ClassDef):
                yield from inside(child, f"{child.name}.")

    yield from inside(tree, "")


def is_full_sentence(docstring: str) -> bool:
    """Whether the first paragraph begins like a sentence, has several words, and ends like one."""
    first = " ".join(docstring.strip().split("\n\n")[0].split())
    begins = re.match(r"""[A-Z`"'{(\d]""", first) is not None
    return begins and len(first.split()) >= 2 and first.endswith((".", "?", "`.", ":"))


def test_every_module_and_public_function_has_a_docstring_that_is_a_sentence() -> None:
    wrong = [
        f"{place}: {docstring!r}"
        for path in product_files()
        if MIGRATIONS not in path.parents
        for place, docstring in documented(path)
        if docstring is None or not is_full_sentence(docstring)
    ]
    assert not wrong, "\n".join(wrong)


def split_identifiers(text: str) -> str:
    """The text with words inside identifiers apart: `told_by` → `told by`, `isTold` → `is Told`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)


def obscure_words(path: Path) -> Iterator[str]:
    """Each obscure word of a file with its line."""
    allowed = FIXED_TEXTS.get(str(path.relative_to(ROOT)), set())
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        for found in OBSCURE.finditer(split_identifiers(line)):
            if found.group().lower() not in allowed:
                yield f"{path.relative_to(ROOT)}:{number}: {found.group()}"


def test_code_and_docs_use_plain_words() -> None:
    found = [
        each
        for path in tracked("*.py", "*.md", "Makefile", "pyproject.toml")
        # A migration that was released is never edited.
        if path != Path(__file__) and MIGRATIONS not in path.parents
        for each in obscure_words(path)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("word", ["anew", "retold_by", "isTold", "Nobody", "that which"])
def test_the_check_of_words_finds_them_inside_identifiers_too(word: str) -> None:
    expected = word != "retold_by"
    assert bool(OBSCURE.search(split_identifiers(word))) is expected


RUNNERS = {"execute", "executemany", "copy"}


def test_statements_of_the_store_run_through_its_sql_module_alone() -> None:
    """`store.sql` runs nothing but `Sql`, so text that was glued together never reaches psycopg."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in tracked(
            "store/*.py", "activities/*.py", "dispatch/*.py", "inbound/*.py", "api/*.py"
        )
        if path != ROOT / "store" / "sql.py" and "migrations" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in RUNNERS
    ]
    assert not found, "\n".join(found)


def test_sql_is_built_from_literals_alone() -> None:
    """What mypy cannot tell, a literal from other text, is seen in the source."""

    def is_literal(node: ast.expr) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, str)

    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in tracked("store/*.py", "tests/*.py", "benchmarks/*.py")
        if path != ROOT / "store" / "sql.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("sql", "join")
        and (not node.args or not is_literal(node.args[0]))
    ]
    assert not found, "\n".join(found)
