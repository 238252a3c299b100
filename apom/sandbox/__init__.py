"""The built-in provider: an application of its own that speaks Kie's contract and draws.

No key, no network, play prices. It runs inside the engine (through httpx's ASGI transport) or as a process of its own
(`python -m apom.sandbox`); its tasks lie in a folder, so a restart finds them.
"""
