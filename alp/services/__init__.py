"""The components of a running strategy, each a process and a pod, and what adapters must pass."""
