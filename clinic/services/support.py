"""Whom somebody can turn to now."""

from clinic.models import CrisisResource
from clinic.tenancy.actor import Actor


def support_for(actor: Actor) -> list[CrisisResource]:
    """The clinic's list of support, in its own order.

    A clinic that has named nobody gets wording without numbers: a wrong number is worse
    than none, and the place is never guessed.
    """
    named = list(CrisisResource.objects.visible_to(actor))
    return named or [CrisisResource(name="Your local emergency number", is_emergency=True)]
