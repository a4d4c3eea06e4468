"""Processes and gRPC: what a broker talks to."""
