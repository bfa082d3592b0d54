"""Types into a shell at a terminal. Steps are a JSON array on stdin, of pairs: what is typed, and the text for which the
screen is awaited then. Prints the screen, without what only moves the cursor; ends with 1 when a text does not come."""

import json
import os
import pty
import re
import select
import sys
import time

MOVES = re.compile(rb"\x1b(\[[0-9;?>=]*[A-Za-z]|[()][A-Z0-9]|[=>78]|\].*?(\x07|\x1b\\))")
DEADLINE = 60


def screen(raw):
    return MOVES.sub(b"", raw).replace(b"\r", b"").decode(errors="replace")


def main():
    steps = json.load(sys.stdin)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    for typed, awaited in steps:
        os.write(terminal, typed.encode())
        raw, end = b"", time.monotonic() + DEADLINE
        while awaited not in screen(raw):
            if time.monotonic() > end or not select.select([terminal], [], [], end - time.monotonic())[0]:
                print(f"typed {typed!r}, and {awaited!r} did not come: {screen(raw)!r}")
                sys.exit(1)
            try:
                raw += os.read(terminal, 65536)
            except OSError:
                print(f"typed {typed!r}, and the shell was gone: {screen(raw)!r}")
                sys.exit(1)
        print(screen(raw))


main()
