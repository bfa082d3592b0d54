#!/usr/bin/env python3
"""Measures the time of a line from pub's stdin to sub's stdout: `latency.py COUNT PUB SUB ROOMS`.

Starts both commands, types COUNT lines one at a time with a pause before each, and prints the median and the 99th
percentile in microseconds. The command ROOMS shows when the subscriber is connected.
"""

import shlex
import subprocess
import sys
import time

PAUSE = 0.005
DEADLINE = 10


def wait_for_listener(rooms):
    end = time.monotonic() + DEADLINE
    while '"sockets":1,' not in subprocess.run(rooms, capture_output=True, text=True).stdout:
        if time.monotonic() > end:
            sys.exit("latency.py: the subscriber did not connect")
        time.sleep(0.01)


def main():
    count = int(sys.argv[1])
    pub, sub, rooms = map(shlex.split, sys.argv[2:5])
    listener = subprocess.Popen(sub, stdout=subprocess.PIPE, bufsize=0)
    wait_for_listener(rooms)
    typist = subprocess.Popen(pub, stdin=subprocess.PIPE, bufsize=0)
    taken = []
    # The first line waits for the connection and is not measured.
    for number in range(count + 1):
        time.sleep(PAUSE)
        line = b"%d\n" % number
        begin = time.perf_counter_ns()
        typist.stdin.write(line)
        heard = listener.stdout.read(len(line))
        taken.append(time.perf_counter_ns() - begin)
        if heard != line:
            sys.exit(f"latency.py: typed {line!r}, received {heard!r}")
    typist.stdin.close()
    typist.wait()
    listener.terminate()
    listener.wait()
    taken = sorted(taken[1:])
    print(taken[len(taken) // 2] // 1000, taken[len(taken) * 99 // 100] // 1000)


if __name__ == "__main__":
    main()
