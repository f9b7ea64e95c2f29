"""Property tests of this folder draw the same examples everywhere, and no machine is too slow."""

from hypothesis import settings

settings.register_profile("models", deadline=None, derandomize=True)
settings.load_profile("models")
