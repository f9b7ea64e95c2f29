"""Feed handlers: what the venues send, as integers, without a Python object per message."""
