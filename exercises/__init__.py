"""What clients practise between appointments: the library, assignments, entries."""
