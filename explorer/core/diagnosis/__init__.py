"""What somebody else's curve says: reading a log, its signs, their causes, and the verdict."""
