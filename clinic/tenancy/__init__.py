"""Who is asking, in which clinic, and the wall in PostgreSQL between clinics."""
