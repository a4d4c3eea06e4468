"""Measures: what a machine would earn, what an engine costs, what an attack on the proof gains."""
