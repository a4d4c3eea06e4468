"""What the service refuses, and what can go wrong in it."""


class ServiceError(Exception):
    """Base of the errors of this package."""


class NoRoundError(ServiceError):
    """The command needs an open round."""


class RoundOpenError(ServiceError):
    """Another round, or a model, is in the way."""


class StaleCommandError(ServiceError):
    """The command's generation number is below the last one seen."""


class SupersededError(ServiceError):
    """A newer command took over."""


class RequestError(ServiceError, ValueError):
    """A request is malformed; the text names the field and what would be right."""


class WorkerFailedError(ServiceError):
    """A worker cannot do its work; the text says which and why."""


class StateError(ServiceError):
    """The state folder cannot be used; the text names the key and the reason."""
