#!/usr/bin/env python3
"""A course server that makes one mistake, so that `ferrybench check` can be seen to name it.

    bad_server.py --mistake NAME --root FOLDER [--port 0] [--workers 4] [--model thread|process]
    bad_server.py --mistakes            prints the names

Everything else is `course_server.py`. One class for each mistake; its name is the mistake's.
"""

import sys

sys.dont_write_bytecode = True

import argparse  # noqa: E402
import base64  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

import course_server  # noqa: E402
from course_server import END, Course, Gone, Refused  # noqa: E402

LITTLE = 1000  # bytes: replies below this are left alone by mistakes that concern content


# Replies


class hangs(Course):
    """Reads, and never answers."""

    def send(self, connection, reply):
        while connection.recv(65536):
            pass
        raise Gone


class garbage(Course):
    def encode(self, reply):
        return str(reply).encode() + END


class no_status(Course):
    def encode(self, reply):
        return super().encode({name: value for name, value in reply.items() if name != "status"})


class no_end_mark(Course):
    def encode(self, reply):
        return json.dumps(reply).encode()


class extra_bytes(Course):
    """Ends its replies twice."""

    def encode(self, reply):
        return super().encode(reply) + END


class closes_early(Course):
    """Closes in the middle of a reply of any size."""

    def send(self, connection, reply):
        if len(reply) > LITTLE:
            connection.sendall(reply[: len(reply) // 2])
            raise Gone
        super().send(connection, reply)


class missing_field(Course):
    """DELETE says what it did in `message` only."""

    def delete(self, line):
        return {"message": super().delete(line)["message"]}


class hides_errors(Course):
    """A file that is not there is an empty one."""

    def get(self, line):
        try:
            return super().get(line)
        except OSError:
            return {"data_namafile": self.parameter(line), "data_file": ""}


class other_words(Course):
    def answer(self, verb, line):
        if verb not in self.verbs:
            return {"status": "ERROR", "data": "unknown command"}
        return super().answer(verb, line)


# Requests


class needs_crlf(Course):
    """Ends a request at CR LF and nowhere else."""

    MARK = b"\r\n"

    def request(self, connection, rest):
        buffer, looked = bytearray(rest), 0
        while (end := buffer.find(self.MARK, looked)) < 0:
            looked = max(0, len(buffer) - len(self.MARK) + 1)
            data = connection.recv(65536)
            if not data:
                return None, b""
            buffer += data
        return bytes(buffer[:end]), bytes(buffer[end + len(self.MARK) :])


class needs_blank_line(needs_crlf):
    MARK = b"\r\n\r\n"


class needs_line_ending(Course):
    """Waits for LF for ever, and takes CR LF as well."""

    def receive(self, connection, head):
        return connection.recv(65536)


class keeps_line_ending(Course):
    """The line ending becomes part of the name."""

    @staticmethod
    def stripped(line):
        return line

    @staticmethod
    def parameter(line):
        text = line.decode()
        return Course.parameter(line) + text[len(text.rstrip("\r\n")) :]

    @staticmethod
    def decode(text):
        return Course.decode(text.strip())


class loses_second_request(Course):
    """Throws away what came in the same read after the line."""

    def request(self, connection, rest):
        return super().request(connection, b"")


class one_request_per_connection(Course):
    def send(self, connection, reply):
        super().send(connection, reply)
        raise OSError


class closes_after_error(Course):
    def send(self, connection, reply):
        super().send(connection, reply)
        if b'"ERROR"' in reply[:32]:
            raise OSError


class knows_one_case(Course):
    """Compares verbs letter for letter."""

    def answer(self, verb, line):
        if line[:1].islower() or line[1:2].islower():
            return {"status": "ERROR", "data": "request tidak dikenali"}
        return super().answer(verb, line)


class no_quotes(Course):
    """Splits at spaces, whatever the quotes say."""

    @staticmethod
    def parameter(line):
        words = line.decode().split()
        if len(words) < 2 or words[1] == '""':
            raise Refused("parameter kurang")
        return words[1]


class lower_cases_parameters(Course):
    @staticmethod
    def parameter(line):
        return Course.parameter(line).lower()


class lower_cases(Course):
    """Lower-cases the whole request, base64 included."""

    def answer(self, verb, line):
        return super().answer(verb, line.lower())


# Names


class path_escape(Course):
    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        shelf.path = lambda name: os.path.join(shelf.root, name)


class takes_bad_names(Course):
    """Makes something of every name instead of refusing it."""

    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        shelf.path = lambda name: os.path.join(shelf.root, (os.path.basename(name) or "x").strip(".")[:255] or "x")


class refuses_long_names(Course):
    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        correct = shelf.path
        shelf.path = lambda name: correct(name if len(name) < 250 else name + 256 * "x")


class list_hides_names(Course):
    def list(self, line):
        return {"data": [name for name in super().list(line)["data"] if "." in name]}


# Content


class no_upload(Course):
    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        del self.verbs["upload"]


class no_download(Course):
    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        del self.verbs["download"]


class no_delete(Course):
    def __init__(self, shelf, workers):
        super().__init__(shelf, workers)
        del self.verbs["delete"]


class delete_keeps_file(Course):
    def delete(self, line):
        name = self.parameter(line)
        self.shelf.read(name)
        return {"message": f"{name} terhapus", "data": f"{name} terhapus"}


class Stores(Course):
    """For mistakes in what an upload stores."""

    def upload(self, line):
        head, _, text = line.rpartition(b" ")
        name = self.parameter(head)
        self.store(name, self.decode(text))
        return {"data": f"{name} tersimpan"}

    def store(self, name, content):
        self.shelf.write(name, content)


class refuses_good_request(Stores):
    """Takes files of 64 KiB at most."""

    def store(self, name, content):
        if len(content) > 64 * 1024:
            raise Refused("file terlalu besar")
        super().store(name, content)


class copies_success(Stores):
    def store(self, name, content):
        self.shelf.path(name)


class stores_part(Stores):
    def store(self, name, content):
        self.shelf.write(name, content[: max(len(content) // 2, 1)])


class one_name_for_all(Stores):
    def store(self, name, content):
        self.shelf.path(name)
        self.shelf.write("hasil.txt" if name.endswith(".txt") else name, content)


class mixes_files(Stores):
    """One variable for the content of all uploads."""

    def store(self, name, content):
        self.content = content
        time.sleep(0.1)
        self.shelf.write(name, self.content)


class bytes_literal(Stores):
    def store(self, name, content):
        self.shelf.write(name, str(content).encode())


class adds_bytes(Stores):
    def store(self, name, content):
        self.shelf.write(name, content + b"\n")


class appends(Stores):
    def store(self, name, content):
        with open(self.shelf.path(name), "ab") as file:
            file.write(content)


class text_only(Stores):
    def store(self, name, content):
        self.shelf.write(name, content.decode("utf-8", "replace").encode())


class loose_base64(Course):
    """Python's own default: letters outside the alphabet are passed over."""

    @staticmethod
    def decode(text):
        return base64.b64decode(text)


class ignores_bad_base64(Course):
    @staticmethod
    def decode(text):
        try:
            return base64.b64decode(text)
        except ValueError:
            return b""


class Sends(Course):
    """For mistakes in what a download sends."""

    def get(self, line):
        reply = super().get(line)
        content = base64.b64decode(reply["data_file"])
        return {**reply, "data_file": self.shown(content)}


class truncates(Sends):
    def shown(self, content):
        return base64.b64encode(content[:LITTLE]).decode()


class wrong_content(Sends):
    def shown(self, content):
        return base64.b64encode(content[::-1]).decode()


class bytes_literal_reply(Sends):
    def shown(self, content):
        return str(base64.b64encode(content))


# Uploads that come in pieces, and clients that go


class pause_ends_upload(Course):
    """200 ms of silence end an upload as they end the rest."""

    def receive(self, connection, head):
        return super().receive(connection, b"LIST" if head else b"")


class stores_half(Course):
    """The end of the stream ends an upload."""

    def request(self, connection, rest):
        line = bytearray()
        while True:
            head = bytes(line[:16])
            fresh = rest or self.receive(connection, head)
            rest = b""
            if not fresh:
                return (bytes(line) if line else None), b""
            end = fresh.find(b"\n")
            if end >= 0:
                return bytes(line + fresh[:end]).removesuffix(b"\r"), fresh[end + 1 :]
            line += fresh


class dies(Course):
    """A client that goes away takes the server along."""

    def request(self, connection, rest):
        try:
            return super().request(connection, rest)
        except (Gone, OSError):
            os._exit(1)

    def send(self, connection, reply):
        try:
            super().send(connection, reply)
        except OSError:
            os._exit(1)


# Concurrency


class one_thread(Course):
    """A pool by name: one lock lets in one connection at a time."""

    lock = threading.Lock()

    def serve(self, connection):
        with self.lock:
            super().serve(connection)


class smaller_pool(Course):
    """Two at a time, whatever was asked for."""

    seats = threading.Semaphore(2)

    def serve(self, connection):
        with self.seats:
            super().serve(connection)


class dies_under_load(Course):
    """More than six open connections are too many."""

    lock = threading.Lock()
    open = 0

    def serve(self, connection):
        with self.lock:
            dies_under_load.open += 1
            if dies_under_load.open > 6:
                os._exit(137)
        time.sleep(0.05)  # those that come together are open together, however quick one is
        try:
            super().serve(connection)
        finally:
            with self.lock:
                dies_under_load.open -= 1


class quadratic(Course):
    """Joins and searches everything received so far after each read."""

    def request(self, connection, rest):
        line = rest
        while True:
            if b"\n" in line:
                line, _, rest = line.partition(b"\n")
                return line.removesuffix(b"\r"), rest
            fresh = self.receive(connection, line[:16])
            if not fresh:
                if fresh is not None and self.is_upload(line[:16]):
                    raise Gone
                return (line or None), b""
            for start in range(0, len(fresh), 2048):
                line = line + fresh[start : start + 2048]


MISTAKES = {
    made.__name__.replace("_", "-"): made
    for made in list(globals().values())
    if isinstance(made, type) and issubclass(made, Course) and made.__name__[0].islower()
}


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    if "--mistakes" in sys.argv[1:]:
        print("\n".join(MISTAKES))
        return
    words.add_argument("--mistake", choices=MISTAKES, required=True)
    course_server.arguments(words)
    options = words.parse_args()
    course_server.main(MISTAKES[options.mistake], options)


if __name__ == "__main__":
    main()
