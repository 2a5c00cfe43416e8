"""How practice goes, as it is answered under assignments and clients."""

from typing import Any

from rest_framework import serializers

from api.base import KindSerializer
from exercises.codes import EntryStatus, Rating
from exercises.models import Entry


class StateCountSerializer(KindSerializer):
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    count = serializers.IntegerField()


class ChangeSerializer(KindSerializer):
    """Medians before and after; null where fewer than three entries have both."""

    rating = serializers.ChoiceField(choices=Rating.choices)
    before = serializers.FloatField(allow_null=True)
    after = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class MedianSerializer(KindSerializer):
    median = serializers.FloatField(allow_null=True)
    n = serializers.IntegerField()


class LastEntrySerializer(KindSerializer):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=EntryStatus.choices)
    practised_on = serializers.DateField()
    exercise_title = serializers.SerializerMethodField()

    def get_exercise_title(self, entry: Entry) -> str:
        return entry.exercise_version.title


class ProgressSerializer(KindSerializer):
    states = StateCountSerializer(many=True)
    changes = ChangeSerializer(many=True)
    helpful = MedianSerializer()
    embodied = MedianSerializer()
    last_entries: Any = LastEntrySerializer(many=True)
