"""What the panel says beside its controls."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page_with_work() -> None:
    """A page that was opened by a link it could not read, and that runs once more by itself when its work is done."""
    import streamlit as st

    from explorer.ui import panel

    if st.session_state.setdefault("to do", ["read the link", "work"]):
        if st.session_state["to do"].pop(0) == "read the link":
            panel.noting((None, ["learning_rate must be one number, got 'abc'"]))
            panel.notes()
            panel.again()
        panel.notes()
        panel.again()
    panel.notes()
    st.toggle("a control")


def test_what_was_wrong_with_a_link_is_said_until_something_is_turned() -> None:
    app = AppTest.from_function(page_with_work).run()
    said = "learning_rate must be one number, got 'abc'. The rest of the link is used."
    assert [each.value for each in app.warning] == [said]
    app.toggle[0].set_value(True).run()
    assert not app.warning
