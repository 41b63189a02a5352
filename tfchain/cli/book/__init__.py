"""The reference as one value, read off the code: what somebody needs who writes a second program."""
