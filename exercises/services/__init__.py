"""Writes about exercises, assignments and entries: keyword-only, the actor last."""
