"""What happened to a run: in one word, in one sentence, in numbers, and why."""
