"""A page with nothing but tabs: it starts as fast as a page of Streamlit can."""

import streamlit as st

st.tabs(["nothing"])
