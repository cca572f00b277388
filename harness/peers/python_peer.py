#!/usr/bin/env python3
"""A foreign peer for ferrybench: round trips through what Python itself offers.

python_peer.py KIND --rounds N [--bytes B] [--cpus A,B] [--decimal]
  KIND    mp-queue (multiprocessing.Queue), mp-pipe (multiprocessing.Pipe) or tcp (a socket on 127.0.0.1)
  --cpus  CPU of the parent and of the child; the same twice puts both on one
The payload is B bytes; with --decimal it is an integer as the course's assignment passes it: each end adds one and
sends it back (as decimal text through tcp). There is one queue for each direction, so no end takes its own item back.
Prints one JSON line: exchanges, elapsed_s, parent_cpu_s, child_cpu_s, p50_ns, p99_ns.
"""
import argparse
import json
import multiprocessing
import os
import socket
import sys
import time

WARM_UP = 200


class Queues:
    """One multiprocessing.Queue for each direction."""

    def __init__(self, there, back):
        self.there, self.back = there, back

    def send(self, item):
        self.there.put(item)

    def recv(self):
        return self.back.get()


class Lines:
    """Items as lines of a TCP stream."""

    def __init__(self, sock, decimal):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.decimal, self.rest = sock, decimal, b""

    def send(self, item):
        self.sock.sendall((str(item).encode() if self.decimal else item) + b"\n")

    def recv(self):
        while b"\n" not in self.rest:
            piece = self.sock.recv(65536)
            if not piece:
                raise EOFError("the other end closed")
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return int(line) if self.decimal else line


def pin(cpu):
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})


def answer(channel, rounds, decimal):
    """The child's part: warm-up, then the rounds; returns its CPU time for the rounds."""
    for left in range(WARM_UP + rounds, 0, -1):
        if left == rounds:
            before = time.process_time()
        item = channel.recv()
        channel.send(item + 1 if decimal else item)
    return time.process_time() - before


def child(kind, ends, address, args, cpu, report):
    pin(cpu)
    if kind == "tcp":
        ends = Lines(socket.create_connection(address), args.decimal)
    report.send(answer(ends, args.rounds, args.decimal))


def connect(kind, args, cpu, report):
    """Starts the child; returns the parent's end and the process."""
    address = listener = None
    if kind == "mp-queue":
        there, back = multiprocessing.Queue(), multiprocessing.Queue()
        mine, theirs = Queues(there, back), Queues(back, there)
    elif kind == "mp-pipe":
        mine, theirs = multiprocessing.Pipe()
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        address, theirs = listener.getsockname(), None
    process = multiprocessing.Process(target=child, args=(kind, theirs, address, args, cpu, report), daemon=True)
    process.start()
    if listener:
        mine = Lines(listener.accept()[0], args.decimal)
    return mine, process


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["mp-queue", "mp-pipe", "tcp"])
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--bytes", type=int, default=64)
    parser.add_argument("--cpus", default="")
    parser.add_argument("--decimal", action="store_true")
    args = parser.parse_args()
    cpus = [int(cpu) for cpu in args.cpus.split(",") if cpu] or [None]
    told, report = multiprocessing.Pipe(duplex=False)
    channel, process = connect(args.kind, args, cpus[-1], report)
    pin(cpus[0])
    payload = 0 if args.decimal else b"x" * args.bytes
    times = []
    for left in range(WARM_UP + args.rounds, 0, -1):
        if left == args.rounds:
            before, cpu_before = time.perf_counter_ns(), time.process_time()
        start = time.perf_counter_ns()
        channel.send(payload)
        item = channel.recv()
        times.append(time.perf_counter_ns() - start)
        if item != (payload + 1 if args.decimal else payload):
            sys.exit("the answer is not what was asked for")
        if args.decimal:
            payload = item + 1
    elapsed, parent_cpu = time.perf_counter_ns() - before, time.process_time() - cpu_before
    child_cpu = told.recv()
    process.join(5)
    times = sorted(times[WARM_UP:])
    print(json.dumps({
        "exchanges": args.rounds,
        "elapsed_s": elapsed / 1e9,
        "parent_cpu_s": parent_cpu,
        "child_cpu_s": child_cpu,
        "p50_ns": times[len(times) // 2],
        "p99_ns": times[len(times) * 99 // 100] if len(times) >= 299 else None,
    }))


if __name__ == "__main__":
    main()
