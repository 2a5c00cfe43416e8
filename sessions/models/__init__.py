"""Summaries; appointments and session notes will stand beside them."""

from sessions.models.summary import Summary

__all__ = ["Summary"]
