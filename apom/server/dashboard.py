"""Streamlit's script: which pages there are, and the sign-in before them. It runs once per rerun.

It lies here and not beside `pages/`, because Streamlit serves such a folder without asking this script.
"""

import streamlit as st

from apom.ui import guard
from apom.words import _


def home() -> None:
    """The first page."""
    st.title("apom")


def sign_in(_path: str) -> None:
    """In the place of every page, while nobody is signed in."""
    st.title(_("Sign in"))


guard.run([guard.Screen(path="", title="apom", show=home)], sign_in=sign_in)
