#!/usr/bin/env python3
"""Publishes records from standard input (one JSON object a line: object, key, payload or null) as raw events."""
import datetime, hashlib, json, os, re, socket, sys, uuid

INSTANCE = os.environ.get("INSTANCE", "tickets")
STREAM = os.environ.get("STREAM", f"RAW_{INSTANCE.upper()}_E1")  # the newest epoch of the log
INBOX = os.environ.get("NATS_INBOX", f"_INBOX_{INSTANCE}")
host, port = os.environ["NATS_ADDRESS"].split(":")
broker = socket.create_connection((host, int(port)), timeout=10)
answers = broker.makefile("rb")
login = {"user": os.environ["NATS_USER"], "pass": os.environ["NATS_PASSWORD"], "headers": True, "verbose": False}
broker.sendall(f"CONNECT {json.dumps(login)}\r\nSUB {INBOX}.> 1\r\n".encode())

def ask(subject, body=b"", headers=""):
    head = f"NATS/1.0\r\n{headers}\r\n".encode()
    broker.sendall(f"HPUB {subject} {INBOX}.1 {len(head)} {len(head + body)}\r\n".encode() + head + body + b"\r\n")
    for kind, *words in iter(lambda: answers.readline().decode().split() or sys.exit("the broker hung up"), None):
        if kind == "PING": broker.sendall(b"PONG\r\n")
        if kind == "-ERR": sys.exit("the broker refused: " + " ".join(words))
        if kind in ("MSG", "HMSG"):
            answer = answers.read(int(words[-1]) + 2)[:-2]
            return answer[int(words[-2]) if kind == "HMSG" else 0:]  # behind the headers

def token(text): return re.sub(rb"[^A-Za-z0-9_-]", lambda byte: b"=%02X" % byte[0], text.encode()).decode() or "="

for line in sys.stdin:
    object, key, payload = (record := json.loads(line))["object"], record["key"], record["payload"]
    subject, operation = f"raw.{INSTANCE}.{token(object)}.{token(key)}", "delete" if payload is None else "upsert"
    last = ask(f"$JS.API.DIRECT.GET.{STREAM}.{subject}")  # the record's previous event; nothing if there is none
    before = json.loads(last) if last else {"operation": "delete", "payload": {"inline": None}}
    if (before["operation"], before["payload"]["inline"]) == (operation, payload): continue  # nothing has changed
    now = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    envelope = {"format": 1, "event_id": str(uuid.uuid4()), "instance": INSTANCE, "connector": INSTANCE, "object": object,
                "key": key, "operation": operation, "observed": now, "payload_schema": 1, "payload": {"inline": payload}}
    chain = [INSTANCE, object, key, hashlib.sha256(last).hexdigest() if last else None, operation, payload]
    message_id = hashlib.sha256(json.dumps(chain, sort_keys=True).encode()).hexdigest()
    stored = json.loads(ask(subject, json.dumps(envelope).encode(), f"Content-Type: application/json\r\nNats-Msg-Id: {message_id}\r\n"))
    if "error" in stored: sys.exit(f"{subject}: {stored['error']['description']}")
