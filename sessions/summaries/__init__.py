"""The weekly summaries: which are due, what figures they rest on, and how they are worded."""
