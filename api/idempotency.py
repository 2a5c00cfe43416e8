"""`Idempotency-Key`: a POST that is sent again makes nothing again."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from api.errors import KeyReused
from clinic.models import IdempotencyKey
from clinic.vault import keys

LONGEST = 255


def fingerprint(purpose: str, data: Any) -> bytes:
    """A keyed digest of a request's content: the same for the same content in any order of fields."""
    canonical = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return keys.load().fingerprint(purpose, canonical.encode())


def once(view: Any, make: Callable[[], Any], *, status: int = 201) -> Response:
    """Do a creating POST once for each key of a caller, and answer the same again.

    Args:
        make: checks the request, does it, and returns the row that was made. A repeat is
            answered before it: it is known though the world has changed.

    The key's row is written in the same transaction as what it stands for: a repeat that
    comes at the same moment waits for the first one, and one that was refused leaves no key.

    Raises:
        KeyReused: the key came with another request before.
    """
    request = view.request
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return view.written(make(), status=status)  # type: ignore[no-any-return]
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise ValidationError({"Idempotency-Key": f"1 to {LONGEST} printable characters."})
    actor = view.actor
    row = IdempotencyKey(
        clinic_id=actor.clinic_id,
        membership_id=actor.membership_id,
        key_digest=keys.load().fingerprint("idempotency key", key.encode()),
        request_digest=fingerprint(f"POST {request.path}", request.data),
    )
    IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
    kept = IdempotencyKey.objects.visible_to(actor).get(key_digest=row.key_digest)
    if kept.pk == row.pk:
        made = make()
        kept.object_id = made.pk
        kept.save(update_fields=["object_id"])
        return view.written(made, status=status)  # type: ignore[no-any-return]
    if bytes(kept.request_digest) != row.request_digest:
        raise KeyReused
    return _again(view, kept.object_id, status)


def _again(view: Any, object_id: UUID | None, status: int) -> Response:
    row = view.get_queryset().filter(pk=object_id).first()
    if row is None:
        raise Http404
    return view.shown(row, status=status, headers={"Idempotency-Replayed": "true"})  # type: ignore[no-any-return]
