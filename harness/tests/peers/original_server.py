#!/usr/bin/env python3
"""A server like the one that the course hands out: a thread for each connection, and an answer to each `recv(32)`.

So a request is at most 32 bytes in one write; the whole request is lower-cased; LIST shows only names with a dot; there
is no UPLOAD, no DOWNLOAD and no DELETE; names are not confined to the folder.

    original_server.py --root FOLDER [--port 0]

The first line on standard output says where it listens: `listening 127.0.0.1:40123`. SIGTERM ends it.
"""

import argparse
import base64
import glob
import json
import os
import shlex
import socket
import threading


class Files:
    def list(self, _words):
        try:
            return dict(status="OK", data=glob.glob("*.*"))
        except Exception as why:
            return dict(status="ERROR", data=str(why))

    def get(self, words):
        try:
            name = words[0]
            if name == "":
                return None
            with open(name, "rb") as file:
                content = base64.b64encode(file.read()).decode()
            return dict(status="OK", data_namafile=name, data_file=content)
        except Exception as why:
            return dict(status="ERROR", data=str(why))


def answer(files, text):
    words = shlex.split(text.lower())
    try:
        return json.dumps(getattr(files, words[0].strip())(words[1:]))
    except Exception:
        return json.dumps(dict(status="ERROR", data="request tidak dikenali"))


def serve(connection):
    files = Files()
    with connection:
        while True:
            data = connection.recv(32)
            if not data:
                return
            connection.sendall((answer(files, data.decode()) + "\r\n\r\n").encode())


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--port", type=int, default=0)
    words.add_argument("--root", required=True)
    options = words.parse_args()
    os.chdir(options.root)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(16)
    print("listening {}:{}".format(*listener.getsockname()), flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
