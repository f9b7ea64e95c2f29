"""Replay of recorded data through the LP core, the pool engine and the passive hedge."""
