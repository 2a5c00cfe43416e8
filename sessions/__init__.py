"""Around the meetings of therapist and client: summaries now; appointments and notes to come.

The package is `sessions`; its label in Django's registry is `therapy_sessions`.
"""
