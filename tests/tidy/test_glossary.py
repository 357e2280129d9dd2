"""docs/glossary.md decides on one word per concept: a word it sets aside names nothing in proto/ or in the code.

The glossary is a table `| word | meaning | not |`; the last column lists, in backticks, words that are not used for it.
"""

import ast
import re
from collections.abc import Iterator

from support.source.repository import ROOT, modules, texts

ROW = re.compile(r"^\|\s*(?P<word>[^|]+?)\s*\|\s*(?P<meaning>[^|]+?)\s*\|\s*(?P<never>[^|]*?)\s*\|$", re.MULTILINE)
PROTO_COMMENT = re.compile(r"//.*$", re.MULTILINE)


def test_no_name_uses_a_word_that_the_glossary_sets_aside() -> None:
    assert set_aside()
    assert not sorted({f"{place}: {name}" for place, name in names() if parts(name) & set_aside()})


def set_aside() -> set[str]:
    """Return the words of the glossary's last column."""
    rows = ROW.finditer((ROOT / "docs" / "glossary.md").read_text())
    return {word for row in rows for word in re.findall(r"`([a-z]+)`", row["never"])}


def parts(name: str) -> set[str]:
    """Return the words that a snake_case or CamelCase name is made of, in lower case."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def names() -> Iterator[tuple[str, str]]:
    """Yield every name of proto/ and every class, function, argument and field of libraries and services."""
    for path, text in texts().items():
        if path.endswith(".proto"):
            yield from ((path, name) for name in re.findall(r"\b[A-Za-z_]+\b", PROTO_COMMENT.sub("", text)))
    for module in modules():
        if module.path.startswith(("libs/", "services/")):
            yield from ((module.path, name) for name in defined_in(module.tree))


def defined_in(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
