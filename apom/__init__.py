"""apom: the production asset manager for people who make films, ads and clips with AI."""

__version__ = "0.1.0"
