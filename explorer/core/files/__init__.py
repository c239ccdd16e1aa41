"""Uploaded and pasted files: text, tables and logs. Knows nothing of diagnosis."""
