"""python-socketio as people use it: `client.py URL TRANSPORTS`, TRANSPORTS being `default` or a list.

Everything is done twice: with threads and with asyncio.
"""

import asyncio
import inspect
import queue
import sys

import socketio

URL = sys.argv[1].replace("ws://", "http://")
TRANSPORTS = None if sys.argv[2] == "default" else sys.argv[2].split(",")
PATIENCE = 30


class Threads:
    """A client whose calls block."""

    def __init__(self):
        self.client = socketio.Client(reconnection_delay=0.05)
        self.heard = queue.Queue()

    async def get(self):
        return await asyncio.to_thread(self.heard.get, timeout=PATIENCE)


class Tasks:
    """A client whose calls are awaited."""

    def __init__(self):
        self.client = socketio.AsyncClient(reconnection_delay=0.05)
        self.heard = asyncio.Queue()

    async def get(self):
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


async def done(result):
    return await result if inspect.isawaitable(result) else result


async def open_client(kind, namespaces=("/",), auth=None):
    person = kind()
    for namespace in namespaces:

        def put(event, *args, namespace=namespace):
            person.heard.put_nowait((namespace, event, *args))

        person.client.on("*", put, namespace=namespace)
    await done(person.client.connect(URL, transports=TRANSPORTS, namespaces=list(namespaces), auth=auth))
    return person


async def chat(kind):
    people = [await open_client(kind) for _ in range(2)]
    await done(people[0].client.emit("chat message", "hello"))
    for person in people:
        assert await person.get() == ("/", "chat message", "hello")
    return people


async def burst(kind):
    """300 events at once: more than one answer to a poll may hold."""
    listener, speaker = await open_client(kind), await open_client(kind)
    for number in range(300):
        await done(speaker.client.emit("n", number))
    for person in (listener, speaker):
        heard = [await person.get() for _ in range(300)]
        assert heard == [("/", "n", number) for number in range(300)], heard
    return [listener, speaker]


async def rooms(kind):
    inside, outside = await open_client(kind), await open_client(kind)
    joined = await done(inside.client.call("join", "blue", timeout=PATIENCE))
    assert joined == {"ok": True, "rooms": ["blue"]}, joined
    message = {"rooms": ["blue"], "event": "news", "data": {"n": 1}}
    receipt = await done(outside.client.call("pub", message, timeout=PATIENCE))
    assert receipt["ok"] and receipt["delivered"] == 1, receipt
    assert await inside.get() == ("/", "news", {"n": 1})
    assert outside.heard.empty()
    return [inside, outside]


async def binary(kind):
    people = [await open_client(kind) for _ in range(2)]
    content = bytes(range(256)) * 100
    await done(people[0].client.emit("files", ({"name": "a", "content": content}, b"", "text")))
    for person in people:
        assert await person.get() == ("/", "files", {"name": "a", "content": content}, b"", "text")
    return people


async def namespaces(kind):
    person = await open_client(kind, ["/", "/admin"])
    await done(person.client.emit("said", "here", namespace="/admin"))
    assert await person.get() == ("/admin", "said", "here")
    await done(person.client.emit("said", "there", namespace="/"))
    assert await person.get() == ("/", "said", "there")
    return [person]


async def main():
    for kind in (Threads, Tasks):
        for behaviour in (chat, burst, rooms, binary, namespaces):
            try:
                people = await behaviour(kind)
            except Exception as error:
                error.add_note(f"{kind.__name__}: {behaviour.__name__}")
                raise
            for person in people:
                await done(person.client.disconnect())


asyncio.run(main())
