"""Socket.IO's chat example: what one says, everyone hears. Threads, then asyncio."""

import asyncio
import queue
import sys

import socketio

URL = sys.argv[1].replace("ws://", "http://")
TRANSPORTS = sys.argv[2].split(",") if len(sys.argv) > 2 else None


def threads():
    heard = queue.Queue()
    people = [socketio.Client(), socketio.Client()]
    for person in people:
        person.on("chat message", heard.put)
        person.connect(URL, transports=TRANSPORTS)
    people[0].emit("chat message", "hello")
    assert [heard.get(timeout=30) for _ in people] == ["hello", "hello"]
    for person in people:
        person.disconnect()


async def tasks():
    heard = asyncio.Queue()
    people = [socketio.AsyncClient(), socketio.AsyncClient()]
    for person in people:
        person.on("chat message", heard.put)
        await person.connect(URL, transports=TRANSPORTS)
    await people[0].emit("chat message", "hello")
    async with asyncio.timeout(30):
        assert [await heard.get() for _ in people] == ["hello", "hello"]
    for person in people:
        await person.disconnect()


threads()
asyncio.run(tasks())
