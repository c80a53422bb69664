from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from hepnb.widgets.front_end import is_interactive, soon


def test_plain_python_is_not_interactive():
    assert not is_interactive()


def test_run_of_hepnb_is_not_interactive_whoever_asks(monkeypatch):
    request = {"content": {"allow_stdin": True}}
    monkeypatch.setattr("hepnb.widgets.front_end._request", lambda: request)
    assert is_interactive()
    monkeypatch.setenv("HEPNB_RUN_DIR", "somewhere")
    assert not is_interactive()


def test_message_of_a_widget_is_interactive(monkeypatch):
    request = {"header": {"msg_type": "comm_msg"}, "content": {}}
    monkeypatch.setattr("hepnb.widgets.front_end._request", lambda: request)
    assert is_interactive()


def test_action_comes_at_once_without_a_loop_and_later_within_one():
    done = []

    async def inside():
        soon(lambda: done.append("later"))
        done.append("first")
        await asyncio.sleep(0)

    def outside_and_inside():
        soon(lambda: done.append("plain"))
        assert done == ["plain"]
        asyncio.run(inside())

    # a thread of its own has no event loop, whatever ran in this one before
    with ThreadPoolExecutor(1) as pool:
        pool.submit(outside_and_inside).result()
    assert done == ["plain", "first", "later"]


@pytest.mark.notebook
def test_kernel_is_interactive_only_for_a_front_end_that_can_ask():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        answers = []
        for allow in (True, False):  # JupyterLab sends True; papermill and nbclient False
            client.execute_interactive(
                "from hepnb.widgets.front_end import is_interactive; print(is_interactive())",
                allow_stdin=allow,
                timeout=60,
                output_hook=lambda message: answers.append(message["content"].get("text")),
            )
        assert [each.strip() for each in answers if each] == ["True", "False"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
