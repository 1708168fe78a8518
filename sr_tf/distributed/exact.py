"""Bytes as numbers that engines can add: nothing is rounded when each byte is one process' own."""
import numpy as np


def as_numbers(data):
    """A float32 vector; a byte is small enough to be exact even where it is added in float16."""
    return np.frombuffer(data, np.uint8).astype(np.float32)


def as_bytes(numbers):
    return np.rint(numbers).astype(np.uint8).tobytes()
