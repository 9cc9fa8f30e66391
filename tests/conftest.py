"""Settings for every test."""

from hypothesis import settings

# A shared build machine stalls for seconds at a time; a deadline would test the machine.
settings.register_profile("shotgraph", deadline=None)
settings.load_profile("shotgraph")
