"""output_handler as in github.com/chronicle/soar-sdk: an error ends the script."""

import functools


def output_handler(func):
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        return func(*args, **kwargs)

    return wrapper
