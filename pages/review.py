"""What a review link shows, to whoever holds it: no sign-in, no menu. `?r=` names the link; its cookie opens it."""

import streamlit as st

from apom.ui.components.review import review
from apom.ui.look import look


def show() -> None:
    """The whole screen is the component's."""
    look()
    review(st.query_params.get("r", ""), key="review")
