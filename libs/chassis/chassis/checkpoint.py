"""How far each follower of a log has come, kept in the service's own database."""

from chassis.postgres_log import Pool

SAVE = """
INSERT INTO checkpoints (follower, position) VALUES ($1, $2)
ON CONFLICT (follower) DO UPDATE SET position = excluded.position
"""

MOVE = """
INSERT INTO checkpoints (follower, position) VALUES ($1, $2)
ON CONFLICT (follower) DO UPDATE SET position = excluded.position WHERE checkpoints.position = $3
RETURNING position
"""
"""Moves a checkpoint from where it was left ($3), and answers nothing if somebody else has moved it since."""


async def load_checkpoint(pool: Pool, follower: str) -> int:
    position: int | None = await pool.fetchval("SELECT position FROM checkpoints WHERE follower = $1", follower)
    return position or 0


async def save_checkpoint(pool: Pool, follower: str, position: int) -> None:
    await pool.execute(SAVE, follower, position)
