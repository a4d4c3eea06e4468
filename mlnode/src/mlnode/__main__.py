"""`python -m mlnode`."""

from mlnode.cli import app

app()
