#!/usr/bin/env python3
"""Follows what SalesCommand tells readers outside: prints each message as a JSON line, and keeps its place in a file."""
import json, os, socket, sys, time

PLACE = os.environ.get("PLACE", "follow.place")  # the sequence of the last message that was printed
INBOX = os.environ.get("NATS_INBOX", "_INBOX_reader")
host, port = os.environ["NATS_ADDRESS"].split(":")
broker = socket.create_connection((host, int(port)), timeout=30)
answers = broker.makefile("rb")
login = {"user": os.environ["NATS_USER"], "pass": os.environ["NATS_PASSWORD"], "headers": True, "verbose": False}
broker.sendall(f"CONNECT {json.dumps(login)}\r\nSUB {INBOX}.> 1\r\n".encode())

def portion(after):
    """The next messages behind a sequence, at most 200: (sequence, message)."""
    asked = json.dumps({"seq": after + 1, "next_by_subj": "canonical.*.*", "batch": 200}).encode()
    broker.sendall(b"PUB $JS.API.DIRECT.GET.CANONICAL %s.1 %d\r\n%s\r\n" % (INBOX.encode(), len(asked), asked))
    while words := answers.readline().decode().split() or sys.exit("the broker hung up"):
        if words[0] == "PING": broker.sendall(b"PONG\r\n")
        if words[0] == "-ERR": sys.exit("the broker refused: " + " ".join(words[1:]))
        if words[0] != "HMSG": continue
        answer = answers.read(int(words[-1]) + 2)[:-2]
        status, *lines = answer[:int(words[-2])].decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if status != "NATS/1.0":  # 204 ends a portion, 404: there is nothing
            return
        yield int(headers["Nats-Sequence"]), json.loads(answer[int(words[-2]):])

place = int(open(PLACE).read()) if os.path.exists(PLACE) else 0
while True:
    found = list(portion(place))
    for place, message in found:
        if message["schema"] != 1: sys.exit(f"schema {message['schema']} is newer than this program")
        print(json.dumps(message), flush=True)
        # Killed between these two lines, it prints the message again: what is done with it must bear that.
        with open(PLACE + ".new", "w") as file: file.write(str(place))
        os.replace(PLACE + ".new", PLACE)
    if not found:
        if "--once" in sys.argv: break
        time.sleep(1)
