"""A small client of the EasyMaker REST API: what components need of it, and no more."""
