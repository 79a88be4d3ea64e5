"""Explore the latent space of trained variational autoencoders: ``streamlit run app.py``."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's idle threads keep a core busy

import streamlit as st

if __name__ == "__main__":  # a visitor's page
    from explorer.app.page import ICON, render_page

    st.set_page_config(
        page_title="Latent space explorer",
        page_icon=ICON,
        layout="wide",
    )
    render_page()
else:  # the server, which runs this file again for every visitor
    from starlette.middleware import Middleware

    from explorer.app import middleware, server

    app = st.App(
        __file__,
        routes=server.routes(),
        middleware=[
            Middleware(middleware.CompletedDocument),
            Middleware(middleware.CompressedCode),
            Middleware(middleware.GuardedMessages),
        ],
        lifespan=server.lifespan,
    )
