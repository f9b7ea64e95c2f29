"""A running system seen live: what is known of it as plain data, and the terminal view of that."""
