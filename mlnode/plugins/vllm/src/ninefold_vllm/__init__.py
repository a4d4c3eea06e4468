"""A plugin for vLLM: rounds of kind SERVED_MODEL through the model that it serves."""


def register() -> None:
    """Teaches vLLM's workers the calls of a round; vLLM calls it once in every process."""
    from ninefold_vllm.worker import install

    install()
