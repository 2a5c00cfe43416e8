"""The library, what is assigned from it, and what clients record."""

from exercises.models.assignment import Assignment
from exercises.models.entry import Entry
from exercises.models.exercise import Exercise, ExerciseVersion

__all__ = ["Assignment", "Entry", "Exercise", "ExerciseVersion"]
