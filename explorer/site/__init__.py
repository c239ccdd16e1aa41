"""Pictures that leave the app alive: files that drag, play and speak without a server. Knows no Streamlit."""

from explorer.site.standalone import write_html

__all__ = ["write_html"]
