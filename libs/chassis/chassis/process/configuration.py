"""A service's settings, all from the environment, read once at start; every fault is named at once."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.core.misconfigured import Misconfigured
from chassis.log.seals import KEYS_MAX, PUBLIC_KEY_BYTES, read_private_key

LOG_ID_FORM = re.compile(r"[a-z][a-z0-9-]{0,62}")
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


CLOCK_START = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Settings:
    """log_id names this service's log: its own name, or one of several. listen and advertise are host:port; remotes are
    where the others' logs are reached, by log id, and services says of which service each of them is.

    rehearsal_start_ms is None where the log follows the machine's clock. signing_key seals the own log's heads;
    public_keys are those that other services' seals are held against, by service: where there is none, its log is read.
    """

    log_id: str
    listen: str
    advertise: str
    database_url: str
    kafka: str
    remotes: Mapping[str, str]
    services: Mapping[str, str]
    rehearsal: bool
    rehearsal_start_ms: int | None
    spans_folder: Path | None
    log_level: str
    signing_key: Ed25519PrivateKey | None = None
    public_keys: Mapping[str, Sequence[bytes]] = field(default_factory=dict)


def read_settings(environment: Mapping[str, str], service: str, others: Sequence[str]) -> Settings:
    """Of a service, and the others that it hears or calls. Raises Misconfigured."""
    faults: list[str] = []

    def required(name: str, what: str) -> str:
        value = environment.get(name, "")
        if not value:
            faults.append(f"{name} is not set: {what}")
        return value

    def address(name: str, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if value and not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
            faults.append(f"{name} is '{value}': it must be host:port")
        return value

    own = logs_of(service, environment.get("CARBONMARKET_LOG", ""), "CARBONMARKET_LOG", faults)
    if len(own) > 1:
        faults.append(f"CARBONMARKET_LOG names {len(own)} logs: a process has one")
    listen = address("CARBONMARKET_LISTEN", required("CARBONMARKET_LISTEN", "the address to serve at, host:port"))
    advertise = address("CARBONMARKET_ADVERTISE", environment.get("CARBONMARKET_ADVERTISE", "") or listen)
    database_url = required("CARBONMARKET_DATABASE_URL", "this service's own PostgreSQL database, postgresql://…")
    if database_url and not database_url.startswith(("postgresql://", "postgres://")):
        # Not shown: it may hold a password.
        faults.append("CARBONMARKET_DATABASE_URL does not begin with postgresql://")
    kafka = required("CARBONMARKET_KAFKA", "Kafka's bootstrap address, host:port")
    for one in kafka.split(","):
        address("CARBONMARKET_KAFKA", one)
    services = services_of(environment, others, faults)
    addresses = {}
    for log_id in services:
        name = f"CARBONMARKET_{log_id.upper().replace('-', '_')}_ADDRESS"
        addresses[log_id] = address(name, required(name, f"where {log_id} is reached, host:port"))

    actor_from = required(
        "CARBONMARKET_ACTOR_FROM", "how callers are known; only `metadata` is there, for rehearsals on one machine"
    )
    check_callers(actor_from, listen, faults)
    signing_key = read_signing_key(environment.get("CARBONMARKET_SIGNING_KEY", ""), faults)
    public_keys = {remote: read_public_keys(remote, environment, faults) for remote in services}
    rehearsal, start_ms = read_clock(environment.get("CARBONMARKET_CLOCK", "machine"), faults)
    level = read_level(environment.get("CARBONMARKET_LOG_LEVEL", "INFO"), faults)
    if faults:
        raise Misconfigured(faults)
    spans = environment.get("CARBONMARKET_SPANS", "")
    return Settings(
        log_id=own[0],
        listen=listen,
        advertise=advertise,
        database_url=database_url,
        kafka=kafka,
        remotes=addresses,
        services=services,
        rehearsal=rehearsal,
        rehearsal_start_ms=start_ms,
        spans_folder=Path(spans) if spans else None,
        log_level=level,
        signing_key=signing_key,
        public_keys=public_keys,
    )


def check_callers(actor_from: str, listen: str, faults: list[str]) -> None:
    if actor_from and actor_from != "metadata":
        faults.append(f"CARBONMARKET_ACTOR_FROM is '{actor_from}': only `metadata` is there")
    if actor_from == "metadata" and listen and listen.rpartition(":")[0] not in LOOPBACK:
        faults.append(f"CARBONMARKET_LISTEN is '{listen}': while callers name themselves it must be a loopback address")


def read_signing_key(setting: str, faults: list[str]) -> Ed25519PrivateKey | None:
    if not setting:
        return None
    try:
        return read_private_key(Path(setting))
    except (OSError, ValueError) as error:
        faults.append(f"CARBONMARKET_SIGNING_KEY: {error}")
        return None


def read_public_keys(service: str, environment: Mapping[str, str], faults: list[str]) -> Sequence[bytes]:
    name = f"CARBONMARKET_{service.upper().replace('-', '_')}_PUBLIC_KEYS"
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


def logs_of(service: str, named: str, variable: str, faults: list[str]) -> list[str]:
    """A service has one log, of its own name, or several, of names that begin with it."""
    logs = named.replace(",", " ").split() or [service]
    for log_id in logs:
        if not LOG_ID_FORM.fullmatch(log_id) or not (log_id == service or log_id.startswith(f"{service}-")):
            faults.append(
                f"{variable} names '{log_id}': a log of {service} is '{service}', or begins with '{service}-'"
            )
    return logs


def services_of(environment: Mapping[str, str], others: Sequence[str], faults: list[str]) -> dict[str, str]:
    """Every log of the other services, and of which service it is."""
    found: dict[str, str] = {}
    for other in others:
        variable = f"CARBONMARKET_{other.upper()}_LOGS"
        found |= dict.fromkeys(logs_of(other, environment.get(variable, ""), variable, faults), other)
    return found


def read_level(setting: str, faults: list[str]) -> str:
    level = setting.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        faults.append(f"CARBONMARKET_LOG_LEVEL is '{level}': it must be DEBUG, INFO, WARNING or ERROR")
    return level


def read_clock(setting: str, faults: list[str]) -> tuple[bool, int | None]:
    """Whether the clock is a rehearsal's, and when it starts, ms."""
    clock, _, start = setting.partition("=")
    if clock not in ("machine", "rehearsal"):
        faults.append(f"CARBONMARKET_CLOCK is '{clock}': it must be `machine` or `rehearsal=ISO-TIME`")
    if clock != "rehearsal" or not start:
        return clock == "rehearsal", None
    try:
        at = datetime.fromisoformat(start) if CLOCK_START.fullmatch(start) else None
    except ValueError:
        at = None
    if at is None:
        # Without its zone it would be another moment on another machine.
        how = "it must be an ISO time with its zone, 2021-07-15T08:00:00+08:00"
        faults.append(f"CARBONMARKET_CLOCK starts at '{start}': {how}")
        return True, None
    return True, int(at.timestamp() * 1000)
