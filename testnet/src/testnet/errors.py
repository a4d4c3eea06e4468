"""Errors that the command line prints in one line, without a traceback."""


class NetworkError(Exception):
    """Something the user can mend; the text says what is wrong and what would be right."""


class SpecError(NetworkError):
    """The network asked for is not possible."""


class MissingToolError(NetworkError):
    """A program the network needs is not there."""


class HomeError(NetworkError):
    """The home folder is missing, of another version, or in use."""


class ProcessFailedError(NetworkError):
    """A process of the network ended or never became ready; the text carries its log's tail."""


class ChainError(NetworkError):
    """The chain refused something or did not get there in time."""
