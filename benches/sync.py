#!/usr/bin/env python3
"""Measures the time that the disk takes for a small durable commit: `sync.py COUNT FILE`.

Overwrites as many bytes as a commit of one line, with a pause before each, and prints the median and the 99th percentile
of write and fdatasync in microseconds. No hub that syncs before it confirms can be faster.
"""

import os
import sys
import time

from latency import PAUSE

COMMIT = b"x" * (3 * 16 * 1024)


def main():
    count = int(sys.argv[1])
    file = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
    for number in range(count):
        os.pwrite(file, COMMIT, number * len(COMMIT))
    os.fsync(file)
    taken = []
    for number in range(count):
        time.sleep(PAUSE)
        begin = time.perf_counter_ns()
        os.pwrite(file, COMMIT, number * len(COMMIT))
        os.fdatasync(file)
        taken.append(time.perf_counter_ns() - begin)
    taken.sort()
    print(taken[len(taken) // 2] // 1000, taken[len(taken) * 99 // 100] // 1000)


if __name__ == "__main__":
    main()
