"""Drivers of what alp is measured against; each runs in its own environment."""
