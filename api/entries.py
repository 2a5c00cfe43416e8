"""`/entries`: what a client did, and what of it somebody reads."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from api.base import KindSerializer, ListRows, ScopedRelated, ShowRow, TenantViewSet
from api.errors import ConflictError
from api.fields import PersonText, ZoneField, scale
from api.filters import MomentFilter
from api.idempotency import fingerprint
from api.permissions import CLINICAL
from api.support import SupportSerializer
from clinic.models import Client
from clinic.services.support import support_for
from clinic.tenancy.actor import Role
from exercises.codes import EntryStatus, ShareLevel, Variant
from exercises.models import Assignment, Entry, Exercise
from exercises.models.entry import RATING_COLUMNS
from exercises.services import entries
from exercises.services.answers import LONGEST_TEXT
from exercises.services.sharing import Reading, note_read, reading

DISTRESS = ("distress_before", "distress_after")
RATINGS = (
    *(column for column in RATING_COLUMNS if column not in DISTRESS),
    "helpful",
    "embodied",
    "unwanted",
)
DETAILS = ("variant", "time_zone", "started_at", "ended_at", "stopped_at_step")
WORDS = ("answers", "note", "unwanted_note", "needs_now", "not_yet_reasons")


class EntryValuesSerializer(KindSerializer):
    """What can be recorded, and changed later by the client."""

    status = serializers.ChoiceField(choices=EntryStatus.choices)
    variant = serializers.ChoiceField(choices=Variant.choices, required=False)
    practised_on = serializers.DateField(required=False, help_text="The client's local day.")
    started_at = serializers.DateTimeField(required=False, allow_null=True)
    ended_at = serializers.DateTimeField(required=False, allow_null=True)
    stopped_at_step = serializers.IntegerField(
        min_value=1, max_value=100, required=False, allow_null=True
    )
    distress_before = scale()
    distress_after = scale()
    warmth_before = scale()
    warmth_after = scale()
    shame_before = scale()
    shame_after = scale()
    critic_before = scale()
    critic_after = scale()
    helpful = scale()
    embodied = scale()
    unwanted = serializers.BooleanField(required=False, allow_null=True)
    answers: Any = serializers.DictField(required=False)
    note = PersonText(longest=LONGEST_TEXT)
    unwanted_note = PersonText(longest=LONGEST_TEXT)
    needs_now = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20
    )
    not_yet_reasons = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=20
    )
    share_level = serializers.ChoiceField(choices=ShareLevel.choices, required=False)


class NewEntrySerializer(EntryValuesSerializer):
    assignment = ScopedRelated(
        Assignment, select=("exercise_version",), required=False, allow_null=True
    )
    exercise = ScopedRelated(Exercise, select=("current",), required=False)
    client = ScopedRelated(
        Client, required=False, help_text="Therapists only, for a client without a login."
    )
    time_zone = ZoneField(required=False)


class EntrySerializer(EntryValuesSerializer):
    id = serializers.UUIDField()
    client_uuid = serializers.UUIDField()
    client = serializers.UUIDField(source="client_id")
    assignment = serializers.UUIDField(source="assignment_id", allow_null=True)
    exercise_version = serializers.UUIDField(source="exercise_version_id")
    exercise_title = serializers.CharField(source="exercise_version.title")
    time_zone = serializers.CharField()
    recorded_by_therapist = serializers.BooleanField()
    support_reasons = serializers.ListField(child=serializers.CharField())
    support_told: Any = serializers.DictField(
        required=False,
        help_text="What the therapist is told with support_reasons, at any share level.",
    )
    support = SupportSerializer(
        many=True,
        required=False,
        help_text="Whom to turn to now. Part of the answer where support_reasons is not empty.",
    )
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EntryFilters(filters.FilterSet):  # type: ignore[misc]
    client = filters.UUIDFilter(field_name="client_id")
    assignment = filters.UUIDFilter(field_name="assignment_id")
    status = filters.ChoiceFilter(choices=EntryStatus.choices)
    practised_from = filters.DateFilter(field_name="practised_on", lookup_expr="gte")
    practised_until = filters.DateFilter(field_name="practised_on", lookup_expr="lte")
    updated_since = MomentFilter(field_name="updated_at", lookup_expr="gte")


class EntryViewSet(ListRows, ShowRow, TenantViewSet):
    """A client reads all of their own; a therapist reads of each what is shared."""

    model = Entry
    select = ("exercise_version",)
    serializer_class = EntrySerializer
    filterset_class = EntryFilters
    access: ClassVar = {
        "list": CLINICAL,
        "retrieve": CLINICAL,
        "update": CLINICAL,
        "partial_update": CLINICAL,
    }

    def find(self, rows: Any, key: UUID) -> Entry | None:
        """By id; a client also by the UUID that they made, which is unique among their own."""
        if self.actor.client_id is None:
            return super().find(rows, key)  # type: ignore[no-any-return]
        found: list[Entry] = list(rows.filter(Q(pk=key) | Q(client_uuid=key))[:2])
        return next((entry for entry in found if entry.pk == key), found[0] if found else None)

    @extend_schema(
        request=NewEntrySerializer, responses={200: EntrySerializer, 201: EntrySerializer}
    )
    def update(self, request: Request, pk: UUID) -> Response:
        """Record an entry under a UUID made on the device. Sent again, it is the same entry."""
        digest = fingerprint("entry", request.data)
        # Before the content is looked at: a repeat is known though the world has changed.
        kept = self.find(self.get_queryset(), pk)
        if kept is not None:
            if kept.client_uuid != pk:
                raise ConflictError("This is a kept entry's own address: change it with PATCH.")
            return self._recorded(entries.same_request(kept, digest), is_new=False)
        values = self.checked(NewEntrySerializer(data=request.data, context=self.context()))
        assignment = values.pop("assignment", None)
        exercise = values.pop("exercise", None)
        client = self._whose(values.pop("client", None), assignment)
        entry, is_new = entries.record_entry(
            client=client,
            client_uuid=pk,
            request_digest=digest,
            assignment=assignment,
            exercise=exercise,
            values=values,
            by=self.actor,
        )
        return self._recorded(entry, is_new=is_new)

    def _recorded(self, entry: Entry, *, is_new: bool) -> Response:
        response = self.written(entry, status=201 if is_new else 200)
        response["Location"] = reverse("api:entries-detail", args=[entry.pk])
        return response

    @extend_schema(request=EntryValuesSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change an entry of one's own; send the ETag that you read as If-Match."""
        entry = self.get_matched()
        if (entry.client_id == self.actor.client_id) == entry.recorded_by_therapist:
            raise PermissionDenied(
                "What a client recorded is theirs to change, and what a therapist did is a therapist's."
            )
        changes = self.checked(
            EntryValuesSerializer(data=request.data, partial=True, context=self.context())
        )
        return self.written(entries.change_entry(entry=entry, changes=changes, by=self.actor))

    def _whose(self, client: Client | None, assignment: Assignment | None) -> Client:
        if self.actor.has(Role.CLIENT):
            if client is not None and client.pk != self.actor.client_id:
                raise PermissionDenied("Clients record for themselves.")
            own = Client.objects.visible_to(self.actor).filter(pk=self.actor.own_client_id).first()
            if own is None:
                raise PermissionDenied("Your clinic has yet to link your login to your record.")
            return own
        if client is None and assignment is not None:
            client = Client.objects.visible_to(self.actor).get(pk=assignment.client_id)
        if client is None:
            raise serializers.ValidationError({"client": "Say whose entry this is."})
        return client

    def represent(self, row: Entry) -> Any:
        return self.represent_page([row])[0]

    def represent_page(self, page: list[Entry]) -> list[dict[str, Any]]:
        note_read(page, by=self.actor)
        made: dict[Reading, EntrySerializer] = {}
        shown: list[dict[str, Any]] = []
        for entry in page:
            read = reading(entry, self.actor)
            if read not in made:
                made[read] = self._serializer_for(read)
            one = made[read].to_representation(entry)
            if not entry.support_reasons:
                one.pop("support_told")
            elif read.distress and not read.ratings:
                # As it was when it was told, and not as it may have been changed since.
                told = one["support_told"] or {}
                one |= {name: told.get(name) for name in DISTRESS}
            shown.append(one)
        if any(entry.support_reasons for entry in page):
            support = SupportSerializer(support_for(self.actor), many=True).data
            for entry, one in zip(page, shown, strict=True):
                if entry.support_reasons:
                    one["support"] = support
        return shown

    def _serializer_for(self, read: Reading) -> EntrySerializer:
        """Shows what this reading lets be read; the rest is left out."""
        hidden = (
            *(() if read.distress else DISTRESS),
            *(() if read.ratings else RATINGS),
            *(() if read.words else (*DETAILS, *WORDS)),
        )
        serializer = EntrySerializer(context=self.context())
        for name in (*hidden, "support"):
            serializer.fields.pop(name)
        return serializer
