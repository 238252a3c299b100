"""Our dashboard's script with one page more, which does as little as there can be."""

import streamlit as st

from apom.server.screens import module, screens
from apom.ui import guard


def nothing() -> None:
    """As page_bare.py."""
    st.write("nothing")


guard.run((*screens(), guard.Screen(path="nothing", title="Nothing", show=nothing)), sign_in=module("login").show)
