#!/usr/bin/env python3
"""A client of the course's original kind, for servers that are to be seen from the other side.

LIST, GET, DOWNLOAD and DELETE go without a line ending, in one write; UPLOAD ends with CR LF. Replies are read 16 bytes
at a time up to CR LF CR LF. One connection for each request. Nothing is verified here: what came is written to a file.

    course_client.py --port PORT [--host 127.0.0.1] [--read 16] [--patience 60] OPERATION [NAME] [--file PATH]

OPERATION is list, get, download, upload or delete. `--file` is what is uploaded, or where a download goes. One line of
JSON on standard output for each request, and the exit code 1 where it failed:

    {"operation": "get", "name": "a.txt", "ok": true, "bytes": 57, "elapsed_s": 0.004, "error": null}
"""

import argparse
import base64
import json
import socket
import sys
import time

END = b"\r\n\r\n"


def exchange(options, request):
    """Sends a request, reads its reply to the end mark."""
    with socket.create_connection((options.host, options.port), timeout=options.patience) as connection:
        connection.sendall(request)
        received = bytearray()
        while True:
            data = connection.recv(options.read)
            if not data:
                raise ConnectionError(f"closed after {len(received)} bytes")
            # The mark is looked for where it can be new: the whole reply each time would be quadratic.
            start = max(0, len(received) - len(END) + 1)
            received += data
            if received.find(END, start) >= 0:
                return json.loads(received)


def carry_out(options):
    """What came of the operation: bytes of content moved, or names listed."""
    verb = options.operation.upper()
    if verb == "LIST":
        return exchange(options, b"LIST"), 0
    if verb == "UPLOAD":
        with open(options.file, "rb") as file:
            content = file.read()
        request = b"UPLOAD " + options.name.encode() + b" " + base64.b64encode(content) + b"\r\n"
        return exchange(options, request), len(content)
    reply = exchange(options, f"{verb} {options.name}".encode())
    if verb == "DELETE" or reply["status"] != "OK":
        return reply, 0
    content = base64.b64decode(reply["data_file"])
    with open(options.file or reply["data_namafile"], "wb") as file:
        file.write(content)
    return reply, len(content)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--read", type=int, default=16, help="bytes asked for by each recv")
    words.add_argument("--patience", type=float, default=60.0, help="seconds without a byte that are too many")
    words.add_argument("operation", choices=["list", "get", "download", "upload", "delete"])
    words.add_argument("name", nargs="?")
    words.add_argument("--file")
    options = words.parse_args()
    if options.operation != "list" and not options.name:
        words.error(f"{options.operation} needs a name")
    if options.operation == "upload" and not options.file:
        words.error("upload needs --file")

    line = {"operation": options.operation, "name": options.name, "ok": False, "bytes": 0}
    start = time.monotonic()
    error = None
    try:
        reply, line["bytes"] = carry_out(options)
        line["ok"] = reply["status"] == "OK"
        if not line["ok"]:
            error = str(reply.get("data"))
        elif options.operation == "list":
            line["names"] = reply["data"]
    except (OSError, ValueError, KeyError) as why:
        error = f"{type(why).__name__}: {why}"
    line["elapsed_s"] = round(time.monotonic() - start, 6)
    line["error"] = error
    print(json.dumps(line), flush=True)
    sys.exit(0 if line["ok"] else 1)


if __name__ == "__main__":
    main()
