"""Plotly: pure functions from data to figures."""
