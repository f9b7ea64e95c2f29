"""The owner of one account: orders, limits, positions and ladders; its switch and its watchdog."""
