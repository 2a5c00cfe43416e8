"""The scope of a request or of one batch of a task: a transaction, an actor, a keyring."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from django.db import transaction

from clinic.tenancy import context
from clinic.tenancy.actor import AnyActor
from clinic.vault.keyring import Keyring


@dataclass
class Scope:
    """What holds while an actor's work is done."""

    actor: AnyActor
    keyring: Keyring = field(default_factory=Keyring)


_current: ContextVar[Scope | None] = ContextVar("kindwork_scope", default=None)


class NoScope(Exception):
    """Something that belongs to a clinic was touched outside of every scope."""


def current() -> Scope:
    """Return the scope in force. Raises NoScope where there is none."""
    scope = _current.get()
    if scope is None:
        raise NoScope("no actor: open a scope first")
    return scope


def keyring_in_force() -> Keyring | None:
    """Return the keyring in force, or None outside of every scope."""
    scope = _current.get()
    return scope.keyring if scope else None


@contextmanager
def holding(actor: AnyActor) -> Iterator[Scope]:
    """Hold an actor whose context is set already (a token's is set by the statement that checks it)."""
    scope = Scope(actor)
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


@contextmanager
def acting_as(actor: AnyActor) -> Iterator[Scope]:
    """Open a transaction in the actor's clinic. All of it is kept, or none.

    A scope within a scope takes over and gives the outer one back.
    """
    outer = _current.get()
    with transaction.atomic():
        context.enter(actor)
        with holding(actor) as scope:
            yield scope
        if outer is not None:
            context.enter(outer.actor)
        else:
            context.leave()
