"""The web edge: who may come in, what every answer carries, and how the process is started.

A request passes, outermost first: `headers`, `mishap`, `origin`, `identity`, `closed`, `throttle`, `body`; then our routes and
Streamlit.
`wiring` says what is behind the edge, `app` puts both together, `launch` runs it.
"""
