"""The file formats alp reads, one module each."""
