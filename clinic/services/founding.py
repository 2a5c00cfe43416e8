"""Founding a clinic and giving people their logins, until the pages for it are there."""

from uuid import UUID

from django.contrib.auth.password_validation import validate_password

from clinic.models import Client, Clinic, CrisisResource, Membership, User
from clinic.refusal import Refused
from clinic.tenancy.actor import Role, TaskActor
from clinic.tenancy.scope import acting_as

PURPOSE = "founding"

_STARTER: dict[str, list[dict[str, object]]] = {
    # Public services, to be verified by the clinic before it relies on them: numbers go stale.
    "GB": [
        {"name": "Emergency services", "phone": "999", "is_emergency": True},
        {"name": "NHS 111, mental health option", "phone": "111"},
        {"name": "Samaritans", "phone": "116 123"},
        {"name": "Shout", "text_to": "85258"},
    ],
    "IE": [
        {"name": "Emergency services", "phone": "112", "is_emergency": True},
        {"name": "Samaritans", "phone": "116 123"},
    ],
    "DE": [
        {"name": "Notruf", "phone": "112", "is_emergency": True},
        {"name": "TelefonSeelsorge", "phone": "0800 111 0 111"},
    ],
    "US": [
        {"name": "Emergency services", "phone": "911", "is_emergency": True},
        {"name": "988 Suicide & Crisis Lifeline", "phone": "988", "text_to": "988"},
    ],
}


def found_clinic(*, name: str, time_zone: str, country: str, language: str = "en") -> Clinic:
    """Create a clinic with the starter list of support for its country, to be verified there.

    A country without a starter list gets none: wrong numbers are worse than the clinic's own.
    """
    clinic = Clinic(name=name, time_zone=time_zone, country=country, language=language)
    clinic.full_clean()
    clinic.save()
    with acting_as(TaskActor(clinic.pk, PURPOSE)):
        CrisisResource.objects.bulk_create(
            CrisisResource(clinic_id=clinic.pk, country=country, position=place, **fields)
            for place, fields in enumerate(_STARTER.get(country, []))
        )
    return clinic


def add_member(*, clinic_id: UUID, user: User, role: Role, name: str) -> Membership:
    """Give a login a role in a clinic. Runs in a scope of that clinic."""
    membership, _ = Membership.objects.get_or_create(
        clinic_id=clinic_id, user=user, role=role, defaults={"name": name}
    )
    return membership


def give_login(*, client: Client, user: User) -> Membership:
    """Let a client use Kindwork themselves. Runs in a scope of their clinic.

    Raises:
        Refused: this client has a login.
    """
    if client.user_id is not None:
        raise Refused("client", "This client has a login.", code="has_a_login")
    membership = add_member(
        clinic_id=client.clinic_id, user=user, role=Role.CLIENT, name=client.called
    )
    client.user = user
    client.version += 1
    client.save(update_fields=["user", "version", "updated_at"])
    return membership


def login_for(*, email: str, password: str, check: bool = True) -> User:
    """Return the login of an address, made with this password if there is none.

    Raises:
        ValidationError: the password is too weak.
    """
    try:
        return User.objects.get_by_natural_key(email)
    except User.DoesNotExist:
        if check:
            validate_password(password)
        return User.objects.create_user(email, password)
