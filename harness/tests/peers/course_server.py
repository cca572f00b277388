#!/usr/bin/env python3
"""A correct server of the course's file protocol, written apart from ferrybench's own.

CPython 3 and its standard library, nothing else. It is made the way hand-written servers of the course are made: a pool
of threads over accepted connections, or processes that share the listening socket; base64 of a whole file in memory.

    course_server.py --root FOLDER [--port 0] [--workers 4] [--model thread|process] [--tell]

The first line on standard output says where it listens: `listening 127.0.0.1:40123`. SIGTERM ends it. With `--tell` its
last line on standard error then counts its workers, in this form and no other:

    ferrybench-workers: {"ok": 3, "failed": 0, "idle": 2}

A worker is `ok` after at least one transfer (LIST, GET, DOWNLOAD or UPLOAD) and no failure; `failed` after any failure (a
transfer answered with ERROR, a client gone in the middle of one) or after its own death; `idle` when it had no transfer.
"""

import argparse
import base64
import collections
import concurrent.futures
import itertools
import json
import multiprocessing
import os
import select
import shlex
import shutil
import signal
import socket
import sys
import threading

END = b"\r\n\r\n"
SILENCE_S = 0.2  # what ends a request that has no line ending
READ_BYTES = 64 * 1024
LONGEST_NAME_BYTES = 255


class Refused(Exception):
    """A request that is answered with ERROR: the message."""


class Gone(Exception):
    """The client went away before its request or its reply was complete."""


class Shelf:
    """The served folder. What is being uploaded lies in a folder of its own and is renamed when it is complete."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.incoming = os.path.join(self.root, ".incoming")
        self.count = itertools.count()
        os.makedirs(self.incoming, exist_ok=True)

    def path(self, name):
        if not name or name in (".", "..") or "/" in name or "\\" in name or "\0" in name:
            raise Refused(f"nama file tidak diperbolehkan: {name}")
        if len(name.encode()) > LONGEST_NAME_BYTES:
            raise Refused("nama file terlalu panjang")
        return os.path.join(self.root, name)

    def names(self):
        with os.scandir(self.root) as entries:
            return sorted(entry.name for entry in entries if entry.is_file())

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, content):
        path = self.path(name)
        part = os.path.join(self.incoming, f"{os.getpid()}-{threading.get_ident()}-{next(self.count)}")
        try:
            with open(part, "wb") as file:
                file.write(content)
            os.rename(part, path)
        except OSError:
            if os.path.exists(part):
                os.remove(part)
            raise

    def delete(self, name):
        os.remove(self.path(name))


class Workers:
    """What each worker did: counted by the worker itself, in memory that all processes share."""

    def __init__(self, workers):
        self.workers = workers
        self.ok = multiprocessing.RawArray("L", workers)
        self.failed = multiprocessing.RawArray("L", workers)
        self.here = threading.local()
        self.next = itertools.count()

    def begin(self, number=None):
        """Says which worker the calling thread is."""
        self.here.number = next(self.next) if number is None else number

    def count(self, well):
        (self.ok if well else self.failed)[self.here.number] += 1

    def line(self, dead=()):
        for number in dead:
            self.failed[number] += 1
        failed = sum(1 for count in self.failed if count)
        idle = sum(1 for ok, bad in zip(self.ok, self.failed) if not ok and not bad)
        numbers = {"ok": self.workers - failed - idle, "failed": failed, "idle": idle}
        return "ferrybench-workers: " + json.dumps(numbers)


class Course:
    """The protocol: one object serves all connections of a process."""

    def __init__(self, shelf, workers):
        self.shelf = shelf
        self.workers = workers
        self.parent = os.getppid()
        self.verbs = {
            "list": self.list,
            "get": self.get,
            "download": self.get,
            "upload": self.upload,
            "delete": self.delete,
        }

    # Requests

    def serve(self, connection):
        """Answers the requests of one connection until its client closes it."""
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = b""
            transfer = False
            try:
                while True:
                    transfer = False
                    line, rest = self.request(connection, rest)
                    if line is None:
                        return
                    if not line.strip():
                        continue
                    verb = line.split(None, 1)[0].decode("utf-8", "replace").lower()
                    transfer = verb in self.verbs and verb != "delete"
                    reply = self.answer(verb, line)
                    self.send(connection, self.encode(reply))
                    if transfer:
                        self.workers.count(reply["status"] == "OK")
            except Gone:
                self.workers.count(False)
            except OSError:
                if transfer:
                    self.workers.count(False)

    def request(self, connection, rest):
        """The next line without its ending, and what came after it; None at the end of the stream."""
        parts, head, fresh = [], b"", rest
        while True:
            end = fresh.find(b"\n")
            if end >= 0:
                parts.append(fresh[: end + 1])
                return self.stripped(b"".join(parts)), fresh[end + 1 :]
            if fresh:
                parts.append(fresh)
                head = (head + fresh)[:16]
            fresh = self.receive(connection, head)
            if fresh is None:
                return b"".join(parts), b""
            if not fresh:
                if self.is_upload(head):
                    raise Gone
                return (b"".join(parts) if parts else None), b""

    def receive(self, connection, head):
        """More bytes, none at the end of the stream, None where silence ends the request."""
        complete = head.strip() and not self.is_upload(head)
        while not select.select([connection], [], [], SILENCE_S if complete else 1.0)[0]:
            if complete:
                return None
            if os.getppid() != self.parent:
                os._exit(1)
        return connection.recv(READ_BYTES)

    @staticmethod
    def stripped(line):
        return line.removesuffix(b"\n").removesuffix(b"\r")

    @staticmethod
    def is_upload(head):
        """Whether this is, or may still become, an upload: no pause ends one."""
        word = head.lstrip()[:7].upper()
        return bool(word) and (b"UPLOAD ".startswith(word) or word.split()[0] == b"UPLOAD")

    # Replies

    def answer(self, verb, line):
        try:
            if verb not in self.verbs:
                raise Refused("request tidak dikenali")
            return {"status": "OK", **self.verbs[verb](line)}
        except Refused as why:
            return {"status": "ERROR", "data": str(why)}
        except OSError as why:
            return {"status": "ERROR", "data": why.strerror}
        except ValueError as why:
            return {"status": "ERROR", "data": str(why)}

    def encode(self, reply):
        return json.dumps(reply).encode() + END

    def send(self, connection, reply):
        connection.sendall(reply)

    # Verbs

    @staticmethod
    def parameter(line):
        words = shlex.split(line.decode())
        if len(words) < 2:
            raise Refused("parameter kurang")
        return words[1]

    def list(self, _line):
        return {"data": self.shelf.names()}

    def get(self, line):
        name = self.parameter(line)
        content = self.shelf.read(name)
        return {"data_namafile": name, "data_file": base64.b64encode(content).decode()}

    def upload(self, line):
        # The name alone goes through shlex: it reads character by character, which a large file would feel.
        head, _, text = line.rpartition(b" ")
        name = self.parameter(head)
        self.shelf.write(name, self.decode(text))
        return {"data": f"{name} tersimpan"}

    @staticmethod
    def decode(text):
        return base64.b64decode(text, validate=True)

    def delete(self, line):
        name = self.parameter(line)
        self.shelf.delete(name)
        return {"message": f"{name} terhapus", "data": f"{name} terhapus"}


def listen(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    print("listening {}:{}".format(*listener.getsockname()), flush=True)
    return listener


class Ended(Exception):
    """SIGTERM or Ctrl-C."""


def end(_number, _frame):
    raise Ended


def serve_with_threads(course, listener, workers, tell):
    pool = concurrent.futures.ThreadPoolExecutor(workers, initializer=course.workers.begin)
    try:
        while True:
            connection, _ = listener.accept()
            pool.submit(course.serve, connection)
    except Ended:
        finish(course, tell, ())


def serve_with_processes(course, listener, workers, tell):
    context = multiprocessing.get_context("fork")
    parent = os.getpid()

    def work(number):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        course.workers.begin(number)
        course.parent = parent
        listener.settimeout(1.0)
        while os.getppid() == parent:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            course.serve(connection)

    processes = [context.Process(target=work, args=(number,), daemon=True) for number in range(workers)]
    try:
        for process in processes:
            process.start()
        while True:
            signal.pause()
    except Ended:
        dead = [number for number, process in enumerate(processes) if not process.is_alive()]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        finish(course, tell, dead)


def finish(course, tell, dead):
    shutil.rmtree(course.shelf.incoming, ignore_errors=True)
    if tell:
        print(course.workers.line(dead), file=sys.stderr, flush=True)
    # Threads that still wait for a client must not keep the process.
    os._exit(0)


MODELS = collections.OrderedDict(thread=serve_with_threads, process=serve_with_processes)


def arguments(words):
    words.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    words.add_argument("--root", required=True, help="the served folder")
    words.add_argument("--workers", type=int, default=4)
    words.add_argument("--model", choices=MODELS, default="thread")
    words.add_argument("--tell", action="store_true", help="count the workers on standard error at the end")


def main(made=Course, options=None):
    if options is None:
        words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
        arguments(words)
        options = words.parse_args()
    course = made(Shelf(options.root), Workers(options.workers))
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    MODELS[options.model](course, listen(options.port), options.workers, options.tell)


if __name__ == "__main__":
    main()
