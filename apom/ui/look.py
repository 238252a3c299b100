"""The little that themes cannot say: a style sheet of our own constants for the whole page."""

from __future__ import annotations

import streamlit as st

STYLE = """
/* Pictures get the width, text gets a measure; the bar above keeps only what we put into it. */
.stMainBlockContainer { max-width: 1680px; padding-left: clamp(1rem, 3vw, 3rem); padding-right: clamp(1rem, 3vw, 3rem); }
.stMarkdown p, .stText { max-width: 80ch; }
.stAppDeployButton, [data-testid="stMainMenu"], [data-testid="stDecoration"] { display: none; }
[data-testid="stHeader"] { background: transparent; pointer-events: none; }
[data-testid="stHeader"] > * { pointer-events: auto; }
/* What stands beside a long wall stays in sight. */
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(.st-key-beside) {
    position: sticky; top: 1rem; align-self: flex-start; max-height: calc(100dvh - 2rem); overflow-y: auto; scrollbar-width: thin;
  }
}
"""
# Streamlit writes white on the accent; in the dark our accent is light, and only dark letters can be read on it.
DARK_STYLE = """
[data-testid="stDialog"] { background: rgb(0 0 0 / 70%); }
:is([data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primaryFormSubmit"]):enabled {
  color: #101114;
  &:is(:hover, :focus, :active) { color: #101114; background-color: #b9c2ff; border-color: #b9c2ff; }
}
[data-baseweb="tag"], [data-baseweb="tag"] * { color: #101114; }
"""


def look() -> None:
    """Once per page, before anything is drawn."""
    style = STYLE + DARK_STYLE if st.context.theme.type == "dark" else STYLE
    st.html(f"<style>{style}</style>")
