"""Where the proof network stands: groups of devices, batch sizes, placement, pipelines, splits."""
