"""The REST API: one of the two doors. It has no models; one file a resource."""
