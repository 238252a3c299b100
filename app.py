"""The launcher: `streamlit run app.py`, or `python app.py` (the same as `python -m apom serve`)."""

import streamlit as st

from apom.config import Settings
from apom.server.app import parts
from apom.server.launch import serve
from apom.server.wiring import wiring

if __name__ == "__main__":
    serve(Settings(), wiring())
else:
    app = st.App(**parts(Settings(), wiring()))
