"""Situations as data: each `NN_name.md` is a TOML head between `+++` lines (title, question, setup, what must happen) and a text."""
