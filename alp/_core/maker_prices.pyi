"""Nothing for Python; compiled modules cimport it (see the .pxd)."""
