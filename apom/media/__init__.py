"""Where bytes lie, what they are, and how they look small.

`storage` keeps files under keys, `arrive` takes new ones in by `sniff`, `images` and `video`. Pillow and PyAV live in
the last two and are loaded when the first file arrives.
"""
