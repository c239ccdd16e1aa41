"""What people bring: text, tables and logs. Knows nothing of diagnosis."""
