"""People, their clinic, and what the ground floor keeps."""

from clinic.models.care_team import CareTeamMember
from clinic.models.client import Client
from clinic.models.clinic import Clinic, CrisisResource
from clinic.models.data_key import DataKey
from clinic.models.heartbeat import Heartbeat
from clinic.models.idempotency import IdempotencyKey
from clinic.models.job import Job
from clinic.models.membership import Membership
from clinic.models.token import ApiToken
from clinic.models.user import User

__all__ = [
    "ApiToken",
    "CareTeamMember",
    "Client",
    "Clinic",
    "CrisisResource",
    "DataKey",
    "Heartbeat",
    "IdempotencyKey",
    "Job",
    "Membership",
    "User",
]
