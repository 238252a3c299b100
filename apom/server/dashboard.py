"""Streamlit's script: which pages there are, and the sign-in before them. It runs once per rerun.

It lies here and not beside `pages/`, because Streamlit serves such a folder without asking this script.
"""

from apom.server.screens import module, screens
from apom.ui import guard

guard.run(screens(), sign_in=module("login").show)
