"""The keys that the services of a market on this machine sign with, made at its first start.

Each service's key lies in the market's folder, to be read by its owner only; what the others pin is its public half.
"""

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

OWNER_ONLY = 0o600


def signing_key(folder: Path, service: str) -> Path:
    """The file of a service's key; made where there is none."""
    path = folder / f"{service}.pem"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        begun = path.with_suffix(".begun")
        begun.unlink(missing_ok=True)
        with open(os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            file.write(pem)
        begun.rename(path)
    return path


def public_key(path: Path) -> str:
    """The public half of a key, in base64."""
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), f"{path} was made here"
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()
