"""What a visitor sees when a page fails: our sentence, never the inside of the program."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress

import streamlit as st

from apom.errors import ApomError, NotFound
from apom.ui import guard
from apom.words import _, say

_log = logging.getLogger("apom.ui")


def show(error: Exception) -> bool:
    """Streamlit's `on_script_error`: draws the error and says that this is done."""
    if isinstance(error, ApomError):
        _log.info("a page refused: %s", error.code)
        st.error(_("This did not work."))
        st.text(say(error))  # not Markdown: it may quote what a provider or a person wrote
        _way_out()
        return True
    reference = uuid.uuid4().hex[:8]
    _log.error("a page failed, reference %s", reference)  # Streamlit writes the traceback beside it
    st.error(_("Something went wrong here. The log has it under {reference}.", reference=reference))
    _way_out()
    return True


def _way_out() -> None:
    with suppress(NotFound):  # before the first page was drawn there is none to go to
        st.page_link(guard.page(""), label=_("Back to the projects"), icon=":material/arrow_back:")
