"""A class that bets: rooms where students say where the edge is, before it is shown. Plain HTTP and HTML; no Streamlit."""
