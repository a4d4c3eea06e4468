"""What can be wrong with a model that is to be served."""


class ModelError(Exception):
    """The model cannot be loaded; the text says what is wrong and what would be right."""
