"""The compute server of a host: proves what it can compute, and serves models."""
