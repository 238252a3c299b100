"""The script of a bare Streamlit app: as little as there can be."""

import streamlit as st

st.write("nothing")
