"""Streamlit: the only floor that knows a browser exists."""
