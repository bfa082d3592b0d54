#!/usr/bin/env python3
"""The program of a namespace, in Python and nothing else: handler = "python3 handler.py" in hub.toml.

Accepts clients that know the password, tells everyone how many are connected, and sends messages to rooms and to people.
"""

import hmac
import json
import os
import sys

PASSWORD = os.environ.get("CHAT_PASSWORD", "open sesame")
here = {}  # sid -> (namespace, name)


def send(**line):
    print(json.dumps(line), flush=True)  # the hub sees a line only after a flush


def emit(call, event, *args, to=None):
    send(emit=event, args=args, to=to, namespace=call["namespace"])


def answer(call, *args):
    if call.get("ack"):
        send(id=call["id"], ack=args)


def count(call):
    everyone = [sid for sid, (namespace, _) in here.items() if namespace == call["namespace"]]
    emit(call, "here", len(everyone))


def connect(call):
    (auth,) = call["args"]
    if not hmac.compare_digest(str(auth.get("password")).encode(), PASSWORD.encode()):
        send(id=call["id"], deny="the password is wrong")
        return
    send(id=call["id"], ack=[])  # from here on the socket is connected and can receive events
    name = call.get("as", "somebody")
    here[call["sid"]] = (call["namespace"], name)
    emit(call, "welcome", f"hello, {name}", to=call["sid"])
    count(call)


def disconnect(call):
    if here.pop(call["sid"], None):
        count(call)


def news(call):
    """["news", text]: to everyone in the room "news"."""
    (text,) = call["args"]
    emit(call, "news", text, to="news")
    answer(call, "sent")


def whisper(call):
    """["whisper", name, text]: to the sockets with that name only."""
    name, text = call["args"]
    receivers = [sid for sid, client in here.items() if client == (call["namespace"], name)]
    sender = here.get(call["sid"], (None, "somebody"))[1]
    for sid in receivers:
        emit(call, "whisper", sender, text, to=sid)
    answer(call, len(receivers))


EVENTS = {"connect": connect, "disconnect": disconnect, "news": news, "whisper": whisper}

for line in sys.stdin.buffer:
    call = json.loads(line)
    try:
        EVENTS[call["event"]](call)
    except KeyError:
        send(id=call["id"], deny="unknown event")
    except (TypeError, ValueError) as error:  # unexpected arguments
        send(id=call["id"], deny=str(error))
