"""Sealing: what people wrote and who they are is readable only with keys kept outside the database."""
