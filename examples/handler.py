#!/usr/bin/env python3
"""The program of a namespace, in Python and nothing else: handler = "python3 handler.py" in hub.toml.

Lets in who knows the password, says to everyone how many are here, and carries messages to rooms and to single people.
"""

import hmac
import json
import os
import sys

PASSWORD = os.environ.get("CHAT_PASSWORD", "open sesame")
here = {}  # sid -> (namespace, name)


def say(**line):
    print(json.dumps(line), flush=True)  # a line left in a buffer is a line not said


def emit(call, event, *args, to=None):
    say(emit=event, args=args, to=to, namespace=call["namespace"])


def answer(call, *args):
    if call.get("ack"):
        say(id=call["id"], ack=args)


def count(call):
    everyone = [sid for sid, (namespace, _) in here.items() if namespace == call["namespace"]]
    emit(call, "here", len(everyone))


def connect(call):
    (auth,) = call["args"]
    if not hmac.compare_digest(str(auth.get("password")).encode(), PASSWORD.encode()):
        say(id=call["id"], deny="the password is wrong")
        return
    say(id=call["id"], ack=[])  # from here on it is in, and can be sent something
    name = call.get("as", "somebody")
    here[call["sid"]] = (call["namespace"], name)
    emit(call, "welcome", f"hello, {name}", to=call["sid"])
    count(call)


def disconnect(call):
    if here.pop(call["sid"], None):
        count(call)


def news(call):
    """["news", text]: to whoever has joined the room "news"."""
    (text,) = call["args"]
    emit(call, "news", text, to="news")
    answer(call, "sent")


def whisper(call):
    """["whisper", name, text]: to everyone of that name, and nobody else."""
    name, text = call["args"]
    found = [sid for sid, who in here.items() if who == (call["namespace"], name)]
    sender = here.get(call["sid"], (None, "somebody"))[1]
    for sid in found:
        emit(call, "whisper", sender, text, to=sid)
    answer(call, len(found))


EVENTS = {"connect": connect, "disconnect": disconnect, "news": news, "whisper": whisper}

for line in sys.stdin.buffer:
    call = json.loads(line)
    try:
        EVENTS[call["event"]](call)
    except KeyError:
        say(id=call["id"], deny="there is no such event here")
    except (TypeError, ValueError) as error:  # arguments that nobody expected
        say(id=call["id"], deny=str(error))
