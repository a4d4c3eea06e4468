"""Boots a whole network on one machine, drives it and breaks it."""
