"""What venues sent, kept and read again: captures of our own and of others."""
