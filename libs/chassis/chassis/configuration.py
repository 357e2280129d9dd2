"""A service's settings, all from the environment, read once at start; every fault is named at once."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.seals import KEYS_MAX, PUBLIC_KEY_BYTES, read_private_key

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Misconfigured(Exception):
    """The environment lacks or garbles settings; each is listed with how to mend it."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(["the configuration has faults:", *(f"  - {fault}" for fault in faults)]))
        self.faults = tuple(faults)


CLOCK_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Settings:
    """listen and advertise are host:port; remotes are where the other services are reached, by name.

    rehearsal_start_ms is None where the log follows the machine's clock. signing_key seals the own log's heads;
    public_keys are those that other services' seals are held against, by service: where there is none, its log is read.
    """

    listen: str
    advertise: str
    database_url: str
    kafka: str
    remotes: Mapping[str, str]
    rehearsal: bool
    rehearsal_start_ms: int | None
    spans_folder: Path | None
    log_level: str
    signing_key: Ed25519PrivateKey | None = None
    public_keys: Mapping[str, Sequence[bytes]] = field(default_factory=dict)


def read_settings(environment: Mapping[str, str], remotes: Sequence[str]) -> Settings:
    """Raises Misconfigured."""
    faults: list[str] = []

    def required(name: str, what: str) -> str:
        value = environment.get(name, "")
        if not value:
            faults.append(f"{name} is not set: {what}")
        return value

    def address(name: str, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if value and not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
            faults.append(f"{name} is {value!r}: it must be host:port")
        return value

    listen = address("CARBONMARKET_LISTEN", required("CARBONMARKET_LISTEN", "the address to serve at, host:port"))
    advertise = address("CARBONMARKET_ADVERTISE", environment.get("CARBONMARKET_ADVERTISE", "") or listen)
    database_url = required("CARBONMARKET_DATABASE_URL", "this service's own PostgreSQL database, postgresql://…")
    if database_url and not database_url.startswith(("postgresql://", "postgres://")):
        # Not shown: it may hold a password.
        faults.append("CARBONMARKET_DATABASE_URL does not begin with postgresql://")
    kafka = required("CARBONMARKET_KAFKA", "Kafka's bootstrap address, host:port")
    for one in kafka.split(","):
        address("CARBONMARKET_KAFKA", one)
    addresses = {}
    for remote in remotes:
        name = f"CARBONMARKET_{remote.upper()}_ADDRESS"
        addresses[remote] = address(name, required(name, f"where the {remote} service is reached, host:port"))

    actor_from = required(
        "CARBONMARKET_ACTOR_FROM", "how callers are known; only `metadata` is there, for rehearsals on one machine"
    )
    if actor_from and actor_from != "metadata":
        faults.append(f"CARBONMARKET_ACTOR_FROM is {actor_from!r}: only `metadata` is there")
    if actor_from == "metadata" and listen and listen.rpartition(":")[0] not in LOOPBACK:
        faults.append(f"CARBONMARKET_LISTEN is {listen!r}: while callers name themselves it must be a loopback address")

    signing_key = read_signing_key(environment.get("CARBONMARKET_SIGNING_KEY", ""), faults)
    public_keys = {remote: read_public_keys(remote, environment, faults) for remote in remotes}
    rehearsal, start_ms = read_clock(environment.get("CARBONMARKET_CLOCK", "machine"), faults)
    level = environment.get("CARBONMARKET_LOG_LEVEL", "INFO").upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        faults.append(f"CARBONMARKET_LOG_LEVEL is {level!r}: it must be DEBUG, INFO, WARNING or ERROR")
    if faults:
        raise Misconfigured(faults)
    spans = environment.get("CARBONMARKET_SPANS", "")
    return Settings(
        listen=listen,
        advertise=advertise,
        database_url=database_url,
        kafka=kafka,
        remotes=addresses,
        rehearsal=rehearsal,
        rehearsal_start_ms=start_ms,
        spans_folder=Path(spans) if spans else None,
        log_level=level,
        signing_key=signing_key,
        public_keys=public_keys,
    )


def read_signing_key(setting: str, faults: list[str]) -> Ed25519PrivateKey | None:
    if not setting:
        return None
    try:
        return read_private_key(Path(setting))
    except (OSError, ValueError) as error:
        faults.append(f"CARBONMARKET_SIGNING_KEY: {error}")
        return None


def read_public_keys(service: str, environment: Mapping[str, str], faults: list[str]) -> Sequence[bytes]:
    name = f"CARBONMARKET_{service.upper()}_PUBLIC_KEYS"
    written = [one.strip() for one in environment.get(name, "").split(",") if one.strip()]
    try:
        keys = [base64.b64decode(one, validate=True) for one in written]
    except ValueError:
        keys = [b""]
    if len(keys) > KEYS_MAX or any(len(key) != PUBLIC_KEY_BYTES for key in keys):
        faults.append(
            f"{name}: at most {KEYS_MAX} public keys of {PUBLIC_KEY_BYTES} bytes, in base64, with a comma between"
        )
        return ()
    return keys


def read_clock(setting: str, faults: list[str]) -> tuple[bool, int | None]:
    """Whether the clock is a rehearsal's, and when it starts, ms."""
    clock, _, start = setting.partition("=")
    if clock not in ("machine", "rehearsal"):
        faults.append(f"CARBONMARKET_CLOCK is {clock!r}: it must be `machine` or `rehearsal=ISO-TIME`")
    if clock != "rehearsal" or not start:
        return clock == "rehearsal", None
    try:
        at = datetime.fromisoformat(start) if CLOCK_START.fullmatch(start) else None
    except ValueError:
        at = None
    if at is None:
        # Without its zone it would be another moment on another machine.
        how = "it must be an ISO time with its zone, 2021-07-15T08:00:00+08:00"
        faults.append(f"CARBONMARKET_CLOCK starts at {start!r}: {how}")
        return True, None
    return True, int(at.timestamp() * 1000)
