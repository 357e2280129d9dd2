"""`forks`: the proofs that a service signed two histories; those that services keep, and how one is checked."""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from carbonmarket_client.bookmarks import readable
from carbonmarket_client.cli.app import Session, cli, command
from carbonmarket_client.heads import ForkProof, check_proof, plain_proof, proof_of, worded
from carbonmarket_client.market import CarbonMarket
from carbonmarket_client.settings import SERVICES, pinned_keys
from carbonmarket_client.strict_json import read_json


@command(
    cli,
    "forks",
    ["carbonmarket forks", "carbonmarket forks --json > proofs.json", "carbonmarket forks --check proofs.json"],
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check the proofs in this file with the pinned public keys; no service is asked.",
)
async def forks(market: CarbonMarket, session: Session, check: Path | None) -> None:
    """Show the proofs of forks that the services keep.

    A proof is two heads of a log, both signed by its service, that cannot both be true. A service keeps one when a log
    that it reads turns out to have two histories. With --json the proofs can be given to anybody. Who pins the public
    keys of the service (CARBONMARKET_REGISTRY_PUBLIC_KEYS and so on) checks them with --check, without asking any
    service.
    """
    if check is not None:
        checked = [(proof, check_proof(proof, pinned_keys(proof.service))) for proof in proofs_in(check)]
        session.show(
            {"proofs": [{**plain_proof(proof), "key_ids": list(keys)} for proof, keys in checked]},
            *(
                Text(f"Proved: {proof.service} signed both, by key {' and '.join(keys)}:\n{two_lines(proof)}")
                for proof, keys in checked
            ),
        )
        return
    kept = [
        (keeper, ForkProof(proof.log_id, proof.head, proof.other_head))
        for keeper in SERVICES
        for proof in (await market.service(keeper).get_fork_proofs()).proofs
    ]
    screens = [Text(f"{keeper} keeps the proof that {one.service} forked:\n{two_lines(one)}") for keeper, one in kept]
    session.show(
        {"proofs": [{"kept_by": keeper, **plain_proof(one)} for keeper, one in kept]},
        *(screens or [Text("No service keeps a proof of a fork.")]),
    )


def proofs_in(file: Path) -> Sequence[ForkProof]:
    """Raises NotConfigured on a file without proofs."""
    with readable(file, "proofs of forks: it must be what `carbonmarket forks --json` prints"):
        proofs = [proof_of(known) for known in read_json(file)["proofs"]]
        if not proofs:
            raise ValueError("it holds no proof")
    return proofs


def two_lines(proof: ForkProof) -> str:
    return f"  {worded(proof.head)}\n  {worded(proof.other_head)}"
