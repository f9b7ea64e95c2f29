"""The bus between components: ZMQ sockets, sequences, late subscribers."""
