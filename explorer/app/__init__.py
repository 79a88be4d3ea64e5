"""The app: the only modules that import Streamlit."""
