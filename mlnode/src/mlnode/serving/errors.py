"""What can be wrong with a model that is to be served."""


class ModelError(Exception):
    """Base of the errors of this package; the text says what is wrong and what would be right."""


class ModelRequestError(ModelError):
    """The request is malformed, or asks for what is not on the list."""


class ModelNotFoundError(ModelError):
    """The weights are nowhere to be found."""


class ModelFailedError(ModelError):
    """The model does not load or does not run here."""


class ModelReplacedError(ModelError):
    """A newer command took the model's place."""
