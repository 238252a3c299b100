"""The little that themes cannot say: a style sheet of our own constants for the whole page."""

from __future__ import annotations

import streamlit as st

from apom.words import _

STYLE = """
/* Pictures get the width, text gets a measure; the bar above keeps only what we put into it. */
.stMainBlockContainer { max-width: 1680px; padding-left: clamp(1rem, 3vw, 3rem); padding-right: clamp(1rem, 3vw, 3rem); }
.stMarkdown p, .stText { max-width: 80ch; }
.stAppDeployButton, [data-testid="stMainMenu"], [data-testid="stDecoration"] { display: none; }
[data-testid="stHeader"] { background: transparent; pointer-events: none; }
[data-testid="stHeader"] > * { pointer-events: auto; }
/* Streamlit's 60 % cannot be read on the accent. */
[data-testid^="stBaseButton"] kbd { opacity: .9; }
@media (hover: none) { [data-testid^="stBaseButton"] kbd { display: none; } }
/* The bar is one line, however long the way here is. */
.st-key-bar { flex-wrap: nowrap; }
.st-key-bar > * { flex: none; }
.st-key-bar > :has([data-testid="stPageLink"]) { flex: 0 1 auto; min-width: 2rem; }
.st-key-bar > :has([data-testid="stText"]):has(+ [data-testid="stLayoutWrapper"]) { flex: 1 1 4rem; min-width: 4rem; }
.st-key-bar :is([data-testid="stPageLink"] p, [data-testid="stText"], [data-testid="stText"] span) {
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
}
/* On a phone the sign stands for the name, and an ellipsis for the beginning of a way; both are read out still. */
@media (max-width: 640px) {
  .st-key-bar { gap: .25rem; }
  .st-key-bar [data-testid="stPageLink-NavLink"] { padding-inline: .25rem; margin-inline: 0; }
  .st-key-bar > :first-child:has(~ * [data-testid="stPageLink"]) { flex: none; min-width: 0; }
  .st-key-bar [data-testid="stPopoverButton"] > div > [aria-hidden="true"] { display: none; }
  .st-key-bar > :first-child:has(~ * [data-testid="stPageLink"]) [data-testid="stMarkdownContainer"]::before { content: "…"; }
  .st-key-bar > :first-child:has(~ * [data-testid="stPageLink"]) p,
  .st-key-bar [data-testid="stPopoverButton"] [data-testid="stMarkdownContainer"] {
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }
  /* A choice that has no room beside the others stands below them. */
  [data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; gap: .25rem; }
  [data-testid="stButtonGroup"] [role="radio"] { margin: 0; border-radius: .5rem; }
  [data-testid="stButtonGroup"] [aria-checked="false"] { border-color: color-mix(in srgb, currentColor 18%, transparent); }
}
/* Streamlit's uploader speaks English alone: its label says what may come, and `look` what its button does. */
[data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
[data-testid="stFileUploaderDropzone"] button [data-testid="stMarkdownContainer"] {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
[data-testid="stFileUploaderDropzone"] button::after { font-size: .875rem; margin-left: .5rem; }
/* What stands beside a long wall stays in sight. */
@media (min-width: 641px) {
  [data-testid="stColumn"]:has(.st-key-beside) {
    position: sticky; top: 1rem; align-self: flex-start; max-height: calc(100dvh - 2rem); overflow-y: auto; scrollbar-width: thin;
  }
}
"""
# Streamlit writes white on the accent; in the dark our accent is light, and only dark letters can be read on it.
DARK_STYLE = """
audio { color-scheme: dark; }
[data-testid="stDialog"] { background: rgb(0 0 0 / 70%); }
:is(
  [data-testid="stBaseButton-primary"]:enabled, [data-testid="stBaseButton-primaryFormSubmit"]:enabled,
  [data-testid="stBaseLinkButton-primary"]
) {
  color: #101114;
  &:is(:hover, :focus, :active) { color: #101114; background-color: #b9c2ff; border-color: #b9c2ff; }
}
:is([data-testid="stBaseButton-tertiary"], [data-testid="stPopoverButton"]):enabled:is(
  :hover, :focus, :active, [aria-expanded="true"]
) {
  color: #b9c2ff;
}
[data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] * { color: #101114; }
"""
# Streamlit's 60 % of the text colour is 4.48:1 on white, and less on grey.
LIGHT_STYLE = '[data-testid="stCaptionContainer"] { opacity: .72; }'

UPLOADER = '[data-testid="stFileUploaderDropzone"] button::after'


def look() -> None:
    """Once per page, before anything is drawn."""
    style = DARK_STYLE if st.context.theme.type == "dark" else LIGHT_STYLE
    st.html(f"<style>{STYLE}{style}{UPLOADER} {{ content: '{_('Choose a file')}'; }}</style>")
