"""Signing in for the API: e-mail address and password for an expiring token."""

import datetime
from uuid import UUID

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS, knox_settings

from clinic.models import ApiToken, Clinic, Membership, User
from clinic.refusal import Refused
from clinic.tenancy.actor import Actor
from clinic.tenancy.entering import MembershipRow, memberships_of
from clinic.tenancy.scope import acting_as

LONGEST_DAYS = 90


class ChooseMembership(Refused):
    """The person has several memberships and named none. `choices` lists them: id, role, clinic."""

    def __init__(self, choices: list[dict[str, str]]) -> None:
        super().__init__(
            "membership",
            "You have several memberships. Name the role, or one of those listed in `choices`.",
            code="choose_membership",
        )
        self.choices = choices


def sign_in(
    *,
    request: HttpRequest | None,
    email: str,
    password: str,
    role: str | None,
    membership_id: UUID | None,
    label: str,
    days: int | None,
) -> tuple[ApiToken, str, Actor]:
    """Exchange an address and a password for a token of one membership.

    Args:
        role, membership_id: which of several memberships is meant.
        days: how long the token holds; the installation's default when None.

    Returns:
        The token's row, the token itself, which is shown this once, and whose it is.

    Raises:
        Refused: the same for an unknown address, a wrong password and no membership.
        ChooseMembership: several memberships and none named.
    """
    user = authenticate(request, username=email, password=password)
    rows = memberships_of(user.pk) if isinstance(user, User) else []
    if not isinstance(user, User) or not rows:
        raise Refused("", "This address and password do not fit together.", code="not_signed_in")
    row = _chosen(rows, role, membership_id)
    actor = Actor(
        clinic_id=row[1],
        user_id=user.pk,
        memberships={row[2]: row[0]},
        zone=row[4],
        client_id=row[3],
    )
    with acting_as(actor):
        token_row, token = issue_token(label=label, days=days, by=actor)
    return token_row, token, actor


def issue_token(*, label: str, days: int | None, by: Actor) -> tuple[ApiToken, str]:
    """Make a token for the actor's own membership; the token itself is returned this once."""
    digest, token = get_digest_token()
    holds = datetime.timedelta(days=days) if days else knox_settings.TOKEN_TTL
    row = ApiToken.objects.create(
        clinic_id=by.clinic_id,
        user_id=by.user_id,
        membership_id=by.membership_id,
        digest=digest,
        token_key=token[: CONSTANTS.TOKEN_KEY_LENGTH // 2],
        expiry=timezone.now() + holds,
        label=label,
    )
    return row, token


def _chosen(
    rows: list[MembershipRow], role: str | None, membership_id: UUID | None
) -> MembershipRow:
    meant = [row for row in rows if role in (None, row[2]) and membership_id in (None, row[0])]
    if len(meant) == 1:
        return meant[0]
    if not meant:
        field = "membership" if membership_id else "role"
        raise Refused(field, "You have no such membership.", code="does_not_exist")
    rows = meant
    names = dict(Clinic.objects.filter(pk__in=[row[1] for row in rows]).values_list("id", "name"))
    raise ChooseMembership(
        [{"id": str(row[0]), "role": row[2], "clinic": names[row[1]]} for row in rows]
    )


def deactivate(*, membership: Membership) -> None:
    """End a membership: from the next request on, none of its tokens opens anything."""
    membership.is_active = False
    membership.save(update_fields=["is_active"])
    ApiToken.objects.filter(membership_id=membership.pk).delete()
