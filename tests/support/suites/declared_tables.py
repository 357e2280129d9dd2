"""What columns a service's tables have, read from its migrations."""

import re

from support.source.repository import ROOT

TABLE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)^\);", re.MULTILINE | re.DOTALL)
COLUMN = re.compile(r"^    ([a-z]\w*) (.*?),?$", re.MULTILINE)
ADDED = re.compile(r"^ALTER TABLE (\w+) ADD COLUMN (\w+) (.*?);$", re.MULTILINE)

Columns = dict[str, bool]
"""The names of columns, and whether a new row must bring a value for each."""


def declared_tables(service: str) -> dict[str, Columns]:
    tables: dict[str, Columns] = {}
    for file in sorted((ROOT / f"services/{service}/{service}/migrations").glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for table, body in TABLE.findall(text):
            tables[table] = {name: is_needed(kind) for name, kind in COLUMN.findall(body)}
        for table, name, kind in ADDED.findall(text):
            tables[table][name] = is_needed(kind)
    return tables


def is_needed(kind: str) -> bool:
    return "DEFAULT" not in kind and ("NOT NULL" in kind or "PRIMARY KEY" in kind)
