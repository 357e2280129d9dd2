"""Where the services are and who is calling, from arguments first and from the environment else."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carbonmarket_client.errors import NotConfigured

SERVICES = ("registry", "trading", "clearing")
ACTOR_VARIABLE = "CARBONMARKET_ACTOR"
SPANS_VARIABLE = "CARBONMARKET_SPANS"
PUBLIC_KEY_BYTES = 32


def address_variable(service: str) -> str:
    return f"CARBONMARKET_{service.upper()}_ADDRESS"


def public_keys_variable(service: str) -> str:
    return f"CARBONMARKET_{service.upper()}_PUBLIC_KEYS"


def pinned_keys(service: str, environment: Mapping[str, str] = os.environ) -> list[bytes]:
    """The public keys that a service may sign with. Raises NotConfigured."""
    name = public_keys_variable(service)
    written = [one.strip() for one in environment.get(name, "").split(",") if one.strip()]
    try:
        keys = [base64.b64decode(one, validate=True) for one in written]
    except ValueError:
        keys = []
    if not keys or any(len(key) != PUBLIC_KEY_BYTES for key in keys):
        raise NotConfigured(f"set {name} to the public keys of {service}: base64, with a comma between")
    return keys


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know before its first call. An empty string means "not set", which only matters when
    it is needed.
    """

    registry: str = ""
    trading: str = ""
    clearing: str = ""
    actor: str = ""

    @classmethod
    def gathered(
        cls,
        registry: str | None = None,
        trading: str | None = None,
        clearing: str | None = None,
        actor: str | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Settings":
        """Take what is given, and the rest from CARBONMARKET_{REGISTRY,TRADING,CLEARING}_ADDRESS and
        CARBONMARKET_ACTOR.
        """
        return cls(
            registry=registry or environment.get(address_variable("registry"), ""),
            trading=trading or environment.get(address_variable("trading"), ""),
            clearing=clearing or environment.get(address_variable("clearing"), ""),
            actor=actor or environment.get(ACTOR_VARIABLE, ""),
        )

    def has_address(self, service: str) -> bool:
        return bool(self._addresses[service])

    def require(self, services: Sequence[str]) -> None:
        """Raises one NotConfigured that names everything that is not set."""
        missing = [f"{address_variable(one)} (--{one} HOST:PORT)" for one in services if not self.has_address(one)]
        if not self.actor:
            missing.append(f"{ACTOR_VARIABLE} (--as ROLE:NAME)")
        if missing:
            raise NotConfigured(f"not set: {', '.join(missing)}")
        self.caller()

    @property
    def _addresses(self) -> dict[str, str]:
        return {"registry": self.registry, "trading": self.trading, "clearing": self.clearing}

    def address(self, service: str) -> str:
        """The host:port of a service. Raises NotConfigured."""
        address = self._addresses[service]
        if not address:
            raise NotConfigured(
                f"the address of {service} is not set: give --{service} HOST:PORT or set {address_variable(service)}"
            )
        return address

    def caller(self) -> str:
        """The actor, `role:name`. Raises NotConfigured."""
        if not self.actor:
            raise NotConfigured(
                f"the actor is not set: give --as ROLE:NAME or set {ACTOR_VARIABLE}, for example participant:power-0007"
            )
        role, _, name = self.actor.partition(":")
        if not (role and name and self.actor.isascii() and self.actor.isprintable()):
            raise NotConfigured(f"{self.actor!r} is not an actor: write ROLE:NAME, such as participant:power-0007")
        return self.actor
