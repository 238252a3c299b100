"""What is left of a message: of any that no page sends, and of all when its sign-in has ended."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from streamlit.proto.BackMsg_pb2 import BackMsg

from apom.server.closed import NOTHING, SENT, of_a_page
from apom.server.watch import bare

TEXT = st.text(st.characters(codec="utf-8"))


@given(TEXT, TEXT, TEXT, TEXT)
def test_only_the_wish_to_see_the_page_is_left(query: str, page: str, page_hash: str, other: str) -> None:
    message = BackMsg()
    asked = message.rerun_script
    asked.query_string, asked.page_name, asked.page_script_hash = query, page, page_hash
    asked.context_info.locale = other
    asked.fragment_id = other
    asked.widget_states.widgets.add(id=other, trigger_value=True)
    wish = BackMsg.FromString(bare(message.SerializeToString()))
    asked.fragment_id = ""
    asked.ClearField("widget_states")
    assert wish == message


@given(st.binary())
def test_anything_else_becomes_the_wish_to_see_the_first_page(data: bytes) -> None:
    wish = BackMsg.FromString(bare(data))
    assert wish.WhichOneof("type") == "rerun_script"
    assert not wish.rerun_script.widget_states.widgets
    assert not wish.rerun_script.fragment_id


def test_commands_are_gone() -> None:
    for command in (BackMsg(clear_cache=True), BackMsg(stop_script=True), BackMsg(debug_shutdown_runtime=True)):
        assert BackMsg.FromString(bare(command.SerializeToString())).WhichOneof("type") == "rerun_script"


def test_what_no_page_sends_does_nothing() -> None:
    """Whatever kinds a newer Streamlit brings."""
    for kind in BackMsg.DESCRIPTOR.fields:
        message = BackMsg()
        if kind.message_type is None:
            setattr(message, kind.name, True)
        else:
            getattr(message, kind.name).SetInParent()
        data = message.SerializeToString()
        assert of_a_page(data) == (data if kind.name in SENT else NOTHING), kind.name
    for reads, name in ((True, "dataframe_chunk"), (True, "deferred_file"), (False, "install_skills")):
        message = BackMsg()
        getattr(message.backend_operation_request, name).SetInParent()
        data = message.SerializeToString()
        assert (of_a_page(data) == data) is reads
    assert of_a_page(b"\xff\xff") == NOTHING
