"""A venue's public data kept flowing: connections, and the session that owns them."""
