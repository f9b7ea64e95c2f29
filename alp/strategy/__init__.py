"""The Strategy manifest: schema, loading, defaults, explanation."""
