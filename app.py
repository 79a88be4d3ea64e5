"""Explore the latent space of trained variational autoencoders: ``streamlit run app.py``."""

from pathlib import Path

import streamlit as st

from explorer.ui.page import render_page

st.set_page_config(
    page_title="Latent space explorer",
    page_icon=Path(__file__).parent / "explorer" / "ui" / "icon.png",
    layout="wide",
)
render_page()
