"""What the tidy tests read: tracked files, Python modules as syntax trees, the public language with its comments."""

import ast
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from chassis.core.roles import roles_in

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("registry", "trading", "clearing")
GENERATED = "libs/contracts/carbonmarket/"
SERVICE_FIELD, METHOD_FIELD = 6, 2  # numbers of FileDescriptorProto.service and ServiceDescriptorProto.method


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file that people wrote: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Yield the full name of every module that it imports from, and of every name imported from one."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno} imports relatively"
                assert node.module is not None
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Yield every function and method."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@dataclass(frozen=True, slots=True)
class Rpc:
    """A declared rpc: its service's package and name, its own name, its roles, and the comment above it."""

    package: str
    service: str
    name: str
    roles: tuple[str, ...]
    comment: str

    @property
    def reasons(self) -> set[str]:
        """The reasons listed in the comment, each at the start of an indented line."""
        return {refusal.split()[0] for refusal in self.refusals}

    @property
    def refusals(self) -> set[str]:
        """The reasons with their facts as listed: `REASON fact, fact`."""
        listed = re.findall(r"^ {2,}([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b *(.*?) *$", self.comment, re.MULTILINE)
        return {f"{reason} {facts}".strip() for reason, facts in listed}


@cache
def tracked() -> tuple[str, ...]:
    """Return the paths, from the root, of all files under version control that are in the work tree."""
    listed = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


@cache
def texts() -> dict[str, str]:
    """Return the text of every tracked file that is text, by its path."""
    found = {}
    for path in tracked():
        try:
            found[path] = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


@cache
def modules() -> tuple[Module, ...]:
    """Return every Python file that people wrote, scripts without a suffix included."""
    return tuple(
        Module(path, text, ast.parse(text, filename=path))
        for path, text in texts().items()
        if not path.startswith(GENERATED)
        and (path.endswith(".py") or (path.startswith("scripts/") and text.startswith("#!/usr/bin/env python3")))
    )


def domain_modules(service: str | None = None) -> tuple[Module, ...]:
    """Return the modules of all domains, or of one service's."""
    services = SERVICES if service is None else (service,)
    return tuple(
        module
        for module in modules()
        if module.path.startswith(tuple(f"services/{name}/{name}/domain/" for name in services))
    )


@cache
def rpcs() -> tuple[Rpc, ...]:
    """Return every rpc declared under proto/."""
    sources = sorted(str(path) for path in (ROOT / "proto").rglob("*.proto"))
    with tempfile.NamedTemporaryFile() as made:
        arguments = ["protoc", f"--proto_path={ROOT / 'proto'}", f"--proto_path={files('grpc_tools') / '_proto'}"]
        arguments += ["--include_source_info", f"--descriptor_set_out={made.name}"]
        assert protoc.main(arguments + sources) == 0
        declared = FileDescriptorSet.FromString(Path(made.name).read_bytes())
    return tuple(rpc for file in declared.file for rpc in rpcs_of(file))


def rpcs_of(file: FileDescriptorProto) -> Iterator[Rpc]:
    """Yield the rpcs declared in one file."""
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    for service_number, service in enumerate(file.service):
        for number, method in enumerate(service.method):
            roles = tuple(sorted(roles_in(method.options)))
            comment = comments.get((SERVICE_FIELD, service_number, METHOD_FIELD, number), "")
            yield Rpc(file.package, service.name, method.name, roles, comment)
