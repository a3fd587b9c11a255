"""Calls methods of an Odoo server for the tests, by Python's own XML-RPC client.

Usage: client.py URL DATABASE. Reads one JSON object per line: login, password, model, method, args, kwargs; answers each by
one line: {"value": ...} or {"fault": code, "message": ...}.
"""

import json
import sys
import xmlrpc.client

url, database = sys.argv[1:3]
common = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/common", allow_none=True)
models = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object", allow_none=True)
# The server has committed, and cannot encode what the method gave.
WITHOUT_VALUE = "cannot marshal"
signed_in = {}


def answer(asked):
    who = (asked["login"], asked["password"])
    if who not in signed_in:
        signed_in[who] = common.authenticate(database, *who, {})
    if not signed_in[who]:
        return {"fault": 3, "message": "the login was refused"}
    call = (database, signed_in[who], who[1], asked["model"], asked["method"], asked["args"], asked["kwargs"])
    try:
        return {"value": models.execute_kw(*call)}
    except xmlrpc.client.Fault as fault:
        if WITHOUT_VALUE in fault.faultString:
            return {"value": None}
        return {"fault": fault.faultCode, "message": fault.faultString.strip().splitlines()[-1]}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
