"""Bringing the catalogue into a clinic's own library."""

from uuid import UUID

from django.db.models import Max

from exercises.library.catalogue import CatalogueExercise, catalogue
from exercises.models import Exercise, ExerciseVersion


def load_catalogue(
    *, clinic_id: UUID, exercises: list[CatalogueExercise] | None = None
) -> tuple[int, int]:
    """Bring each exercise in, and a new version of each whose words changed. Safe to repeat.

    Runs in a scope of that clinic. What was assigned keeps the version that it was
    assigned with.

    Returns:
        How many exercises and how many versions are new.
    """
    new_exercises = new_versions = 0
    held = {
        one.catalogue_id: one
        for one in Exercise.objects.filter(clinic_id=clinic_id)
        .exclude(catalogue_id="")
        .select_related("current")
    }
    for item in catalogue() if exercises is None else exercises:
        exercise = held.get(item.catalogue_id)
        if exercise is None:
            exercise = Exercise.objects.create(
                clinic_id=clinic_id, catalogue_id=item.catalogue_id, position=item.position
            )
            new_exercises += 1
        elif exercise.current is not None and exercise.current.digest == item.digest:
            continue
        add_version(exercise=exercise, item=item)
        new_versions += 1
    return new_exercises, new_versions


def add_version(*, exercise: Exercise, item: CatalogueExercise) -> ExerciseVersion:
    """Make this the version that is assigned from now on."""
    last = exercise.versions.aggregate(last=Max("number"))["last"] or 0
    version = ExerciseVersion.objects.create(
        clinic_id=exercise.clinic_id,
        exercise=exercise,
        number=last + 1,
        content=item.content,
        for_therapist=item.for_therapist,
        digest=item.digest,
        **item.codes,
    )
    exercise.current = version
    exercise.save(update_fields=["current"])
    return version
