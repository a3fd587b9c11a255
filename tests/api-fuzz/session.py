"""Signs schemathesis in: the session cookie of FUZZ_EMAIL, renewed before it expires, and the header of every change.

Leaves out what never reaches the API.
"""

import os

import requests
import schemathesis

BASE = os.environ["BASE_URL"]
HEADER = {"X-Requested-With": "salescommand"}
# Shorter than an access token lives.
RENEW_SECONDS = 240


@schemathesis.auth(refresh_interval=RENEW_SECONDS)
class Session:
    def get(self, case, context):
        if "FUZZ_EMAIL" not in os.environ:
            return {}
        credentials = {"email": os.environ["FUZZ_EMAIL"], "password": os.environ["FUZZ_PASSWORD"]}
        answer = requests.post(f"{BASE}/api/auth/login", json=credentials, headers=HEADER, timeout=30)
        answer.raise_for_status()
        return {"sc_access": answer.cookies["sc_access"]}

    def set(self, case, cookies, context):
        case.headers = {**(case.headers or {}), **HEADER}
        case.cookies = {**(case.cookies or {}), **cookies}


@schemathesis.hook
def filter_case(context, case):
    """Control characters in headers: the HTTP library itself refuses them (RFC 9110, section 5.5), before there is anything to
    answer. `exclude-header-characters` keeps them out of well-formed requests only."""
    return not any(ord(sign) < 0x20 or sign == "\x7f" for value in (case.headers or {}).values() for sign in str(value))
