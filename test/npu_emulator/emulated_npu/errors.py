class EmulatorError(RuntimeError):
    """The real plug-in would abort on this, misread it, or leave it to the CPU without a word."""
