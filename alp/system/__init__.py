"""A whole strategy on one machine: which processes, in which order, and what if one dies."""
