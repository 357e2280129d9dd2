"""`python -m bench`: runs every benchmark, one after the other, on servers of its own."""

import asyncio
import tempfile
from pathlib import Path

from bench import append, codec, commands, snapshots, waiting


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        # PostgreSQL runs as another user where we are root.
        Path(folder).chmod(0o755)
        asyncio.run(codec.run())
        asyncio.run(append.run(Path(folder) / "append"))
        asyncio.run(commands.run(Path(folder) / "commands"))
        asyncio.run(waiting.run(Path(folder) / "waiting"))
    asyncio.run(snapshots.run())


main()
