"""Text and shape of what people wrote: no leftovers, nothing of one machine, small files, docstrings."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from support.source.repository import modules, texts

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# The brackets keep the patterns from finding themselves.
BANNED = {
    "a package registry's host": (
        r"p[y]pi\.org|p[y]thonhosted|n[p]mjs|d[e]b\.debian|m[a]ven\.[oa]|pr[o]xy\.golang|cr[a]tes\.i"
    ),
    "a path of one machine": r"/w[o]rk/|/r[o]ot/|/h[o]me/|/t[m]p/",
    "a leftover": r"\b(T[O]DO|F[I]XME|X[X]X)\b",
    "white space at the end of a line": r"[ \t]+$",
    "a carriage return": r"\r",
}


@pytest.mark.parametrize("what", BANNED)
def test_no_file_contains(what: str) -> None:
    assert not list(matches(BANNED[what], texts()))


def test_every_file_ends_with_one_newline() -> None:
    assert not [path for path, text in texts().items() if text and (not text.endswith("\n") or text.endswith("\n\n"))]


def test_every_module_has_a_docstring() -> None:
    assert not [module.path for module in modules() if not ast.get_docstring(module.tree)]


def test_no_file_is_longer_than_the_ceiling() -> None:
    lengths = {module.path: module.text.count("\n") for module in modules()}
    assert not {path: lines for path, lines in lengths.items() if lines > FILE_LINES_MAX}


def test_no_function_is_longer_than_the_ceiling() -> None:
    too_long = {}
    for module in modules():
        for function in module.functions():
            assert function.end_lineno is not None
            lines = function.end_lineno - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                too_long[f"{module.path}:{function.name}"] = lines
    assert not too_long


def test_no_service_writes_the_form_that_python_gives_a_value() -> None:
    """It would be in records, refusals and answers for ever: a fact is a value, an error a sentence (`in_words`)."""
    found = [
        f"{module.path}:{node.lineno}"
        for module in modules()
        if module.path.startswith(("libs/chassis/", "services/"))
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.FormattedValue) and node.conversion == ord("r"))
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "repr")
    ]
    assert not found


def test_a_silenced_checker_has_its_reason_beside_it() -> None:
    silenced = re.compile(
        r"#\s*(?:type:\s*ignore(?:\[[\w-]+(?:,\s*[\w-]+)*\])?|n[o]qa(?::\s*[A-Z0-9, ]+)?)(?P<reason>.*)"
    )
    bare = [
        f"{module.path}: {match.group().strip()}"
        for module in modules()
        for match in silenced.finditer(module.text)
        if len(match["reason"].split()) < 3
    ]
    assert not bare


def test_a_test_is_named_as_a_sentence() -> None:
    short = [
        f"{module.path}:{function.name}"
        for module in modules()
        if module.path.startswith("tests/")
        for function in module.functions()
        if function.name.startswith("test_") and function.name.count("_") < 3
    ]
    assert not short


def test_every_scenario_of_processes_ends_with_an_audit() -> None:
    scenarios = {
        f"{module.path}:{function.name}": ast.unparse(function)
        for module in modules()
        if module.path.startswith(("tests/e2e/", "tests/fault/"))
        for function in module.functions()
        if isinstance(function, ast.AsyncFunctionDef) and function.name.startswith("test_")
    }
    assert scenarios
    assert not [name for name, text in scenarios.items() if "audit" not in text.lower()]


def matches(pattern: str, files: Mapping[str, str]) -> Iterator[str]:
    """Yield file, line and text of everything in `files` (path to text) that the pattern matches."""
    for path, text in files.items():
        for match in re.finditer(pattern, text, re.MULTILINE):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {match.group()!r}"
