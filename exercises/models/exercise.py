"""The clinic's library: exercises, and the versions that clients were given."""

from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from clinic.tenancy.actor import Actor
from clinic.tenancy.base import TenantModel
from clinic.tenancy.constraints import SameClinic, TenantTable, Unchanging
from clinic.tenancy.querysets import EVERY_ROW, TenantQuerySet
from exercises.codes import Attribute, Flow, Level, Skill, Start, System

_PUBLIC = "exercise text, the same for everyone, about nobody"


class ExerciseQuerySet(TenantQuerySet["Exercise"]):
    def for_therapist(self, actor: Actor) -> Q:
        return EVERY_ROW

    def for_client(self, actor: Actor) -> Q:
        """What a client may begin alone, and what was assigned to them."""
        from exercises.models.assignment import Assignment

        given = Assignment.objects.filter(client_id=actor.own_client_id).values(
            "exercise_version__exercise_id"
        )
        return Q(current__start=Start.CLIENT_MAY_START, is_offered=True) | Q(pk__in=given)


class Exercise(TenantModel):
    """An exercise of a clinic's library. What clients read stands in its versions."""

    CLEAR_TEXT = {"catalogue_id": "the id in Kindwork's catalogue"}

    catalogue_id = models.CharField(max_length=60, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    is_offered = models.BooleanField(default=True)
    current = models.ForeignKey(
        "exercises.ExerciseVersion",
        null=True,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    current_id: UUID | None
    objects = ExerciseQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="exercise_tenant"),
            SameClinic("current", name="exercise_current"),
            models.UniqueConstraint(
                fields=["clinic", "catalogue_id"],
                condition=~Q(catalogue_id=""),
                name="exercise_once_per_clinic",
            ),
        ]


class ExerciseVersionQuerySet(TenantQuerySet["ExerciseVersion"]):
    def for_therapist(self, actor: Actor) -> Q:
        return EVERY_ROW

    def for_client(self, actor: Actor) -> Q:
        from exercises.models.assignment import Assignment

        given = Assignment.objects.filter(client_id=actor.own_client_id).values(
            "exercise_version_id"
        )
        offered = Exercise.objects.filter(is_offered=True).values("current_id")
        return Q(start=Start.CLIENT_MAY_START, pk__in=offered) | Q(pk__in=given)


class ExerciseVersion(TenantModel):
    """What a client reads, word for word, as it was when it was assigned. Never changes.

    Attributes:
        content: what the client reads, by the catalogue's schema (`exercises/library`),
            the options of every input written out.
        for_therapist: cautions, usual frequency and evidence; clients never get it.
        digest: of the content, so that loading the catalogue again changes nothing.
    """

    CLEAR_TEXT = {
        "language": "a language code",
        "title": _PUBLIC,
        "tradition": "a school's name",
        "content": _PUBLIC,
        "for_therapist": _PUBLIC,
        "digest": "a digest",
        "flows": "codes",
        "systems": "codes",
        "skills": "codes",
        "attributes": "codes",
        "modality": "codes",
        "ratings": "codes",
    }

    exercise = models.ForeignKey(
        Exercise, on_delete=models.PROTECT, db_constraint=False, related_name="versions"
    )
    number = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=12)
    title = models.CharField(max_length=120)
    tradition = models.CharField(max_length=10)
    flows = ArrayField(models.CharField(max_length=12, choices=Flow.choices))
    systems = ArrayField(models.CharField(max_length=8, choices=System.choices))
    skills = ArrayField(models.CharField(max_length=9, choices=Skill.choices))
    attributes = ArrayField(models.CharField(max_length=18, choices=Attribute.choices))
    level = models.CharField(max_length=9, choices=Level.choices)
    start = models.CharField(max_length=16, choices=Start.choices)
    minutes = models.PositiveSmallIntegerField()
    modality = ArrayField(models.CharField(max_length=16))
    ratings = ArrayField(models.CharField(max_length=8), default=list)
    content = models.JSONField()
    for_therapist = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    exercise_id: UUID
    objects = ExerciseVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            TenantTable(name="exercise_version_tenant"),
            SameClinic("exercise", name="exercise_version_exercise"),
            Unchanging(name="exercise_version_never_changes"),
            models.UniqueConstraint(
                fields=["clinic", "exercise", "number"], name="exercise_version_number"
            ),
        ]
