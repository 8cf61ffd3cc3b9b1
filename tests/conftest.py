"""For all tests: hypothesis measures no time. A machine that is busy is no finding."""

from hypothesis import settings

settings.register_profile("delegate", deadline=None)
settings.load_profile("delegate")
