"""Who signs in. A login's address is an identity too: the table shows none."""

import hashlib
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

from clinic.tenancy.base import IdentifiedModel
from clinic.vault import keyring, keys
from clinic.vault.fields import SealedTextField


def login_name(address: str) -> str:
    """Return what stands in the table for an e-mail address: its keyed digest, shaped as an address.

    Case and surrounding space do not count.
    """
    normal = address.strip().casefold().encode()
    digest = keys.load().fingerprint("login", normal)
    return f"{digest.hex()}@id.invalid"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a login.

        Args:
            email: the address as typed; kept sealed, and looked up by its digest.
            password: None for a login that cannot be used until one is set.
        """
        user = self.model(email=login_name(email), **fields)
        user.address = email.strip()
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create an operator: sees the server's side in Django's admin, and no clinic's content."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a login by the address as typed. A digest copied from the table finds nothing."""
        return self.get(email=login_name(username or ""))

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await self.aget(email=login_name(username or ""))


class User(IdentifiedModel, AbstractBaseUser, PermissionsMixin):
    """A login, the same in every clinic. It carries a data key of its own, wrapped."""

    CLEAR_TEXT = {
        "email": "a keyed digest, not the address",
        "password": "an Argon2 hash",
        "key_name": "the name of a wrapping key",
    }

    email = models.EmailField(max_length=254, unique=True, editable=False)
    address = SealedTextField(purpose="login")
    key_name = models.CharField(max_length=32, editable=False)
    wrapped_key = models.BinaryField(editable=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    def __str__(self) -> str:
        return str(self.pk)

    def get_full_name(self) -> str:
        return str(self.pk)

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.wrapped_key:
            self.key_name, self.wrapped_key = keyring.fresh_wrapped(self._binding())
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Leaves the login name as it is: it is a digest, made from the address alone."""

    def sealing_key(self) -> tuple[UUID, bytes]:
        """This login's own data key."""
        return self.pk, keyring.open_wrapped(self.key_name, self.wrapped_key, self._binding())

    def _binding(self) -> bytes:
        return hashlib.sha256(b"clinic_user" + self.pk.bytes).digest()
