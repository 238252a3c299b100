"""The launcher: `streamlit run app.py`, or `python app.py` (the same as `python -m apom serve`)."""

import sys

import streamlit as st

from apom.cli import main
from apom.config import Settings
from apom.server.app import parts
from apom.server.launch import as_streamlit_runs
from apom.server.wiring import wiring

if __name__ == "__main__":
    sys.exit(main(["serve"]))
else:
    settings = as_streamlit_runs(Settings())
    app = st.App(**parts(settings, wiring(settings)))
