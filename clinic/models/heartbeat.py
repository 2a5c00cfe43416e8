"""Signs of life of what runs in the background."""

from django.db import models


class Heartbeat(models.Model):
    """When a background process was last seen to work. One row a process, of no clinic."""

    CLEAR_TEXT = {"name": "the name of a process"}

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
