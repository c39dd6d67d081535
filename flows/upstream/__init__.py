"""Every system that we call over the network, one file each, named after it.

`web.py` knows HTTP, `codes.py` delivers one-time codes.
"""
