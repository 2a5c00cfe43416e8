"""Writes of the ground floor: one function each, keyword-only, the actor last."""
