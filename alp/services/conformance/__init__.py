"""The numbered cases that an adapter has to pass, run against a venue."""
