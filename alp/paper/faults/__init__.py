"""What goes wrong at a simulated venue, by script: connections, messages, commands."""
