"""The components of a running strategy, one module each: each is a process, and a pod."""
