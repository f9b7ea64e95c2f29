"""The market maker as a process."""
