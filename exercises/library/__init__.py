"""The catalogue as data: one file an exercise, checked by a schema, loaded into each clinic."""
