"""Market data as services: the quote server, the recorder, and a recording played back."""
