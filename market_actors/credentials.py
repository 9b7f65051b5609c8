"""Secrets that are handed out once and kept only as digests, and the hashing of passwords."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from argon2 import PasswordHasher

from market_actors.errors import SettingsError

SHORTEST_PASSWORD = 12  # characters
LONGEST_PASSWORD = 200
SHORTEST_SECRET = 32


def new_secret() -> str:
    """Return 256 random bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is stored of a secret: its SHA-256, in hexadecimal. A random secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str, hasher: PasswordHasher | None = None) -> str:
    """Return the argon2id hash of a password; takes 150 ms and 64 MiB, so not on an event loop.

    Raises ValueError when the password is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return (hasher or PasswordHasher()).hash(password)


def kept_secret(path: Path) -> str:
    """Return the secret in a file that only we can read; the file is made when it is missing.

    Raises SettingsError when it cannot be read or made, or is too short to be one.
    """
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(new_secret() + "\n")
        secret = path.read_text("ascii").strip()
    except OSError as error:
        raise SettingsError(f"MARKET_SECRET_FILE: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"MARKET_SECRET_FILE: {path} is not made of ASCII characters; remove it") from None
    if len(secret) < SHORTEST_SECRET:
        raise SettingsError(f"MARKET_SECRET_FILE: {path} holds less than {SHORTEST_SECRET} characters; remove it")
    return secret
