"""Holds the SCIM server of a running stack against scim2-tester, which knows the standard and nothing of us.

BASE_URL: the stack. FUZZ_SCIM_TOKEN: the token of a provider of it. Run by fuzz.py, or by hand.
"""

import os

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

# What a check may come to without anything being wrong: searching over several kinds of resources at once is not offered.
HELD = {Status.SUCCESS, Status.SKIPPED, Status.COMPLIANT, Status.ACCEPTABLE}


def check(base, token):
    """Every check; gives how many held and failed."""
    headers = {"Authorization": f"Bearer {token}"}
    with Client(base_url=f"{base}/scim/v2", headers=headers, timeout=60) as client:
        results = check_server(SyncSCIMClient(client))
    failed = [result for result in results if result.status not in HELD]
    for result in failed:
        print(f"FAILED {result.title}: {result.reason}\n{result.data}", flush=True)
    skipped = sum(1 for result in results if result.status == Status.SKIPPED)
    print(f"== scim: {len(results) - len(failed) - skipped} held, {skipped} skipped, {len(failed)} failed", flush=True)
    # A server that says nothing of itself is checked for nothing.
    enough = len(results) - skipped >= 15
    return len(results) - len(failed) - skipped, len(failed) + (not enough)


if __name__ == "__main__":
    print(check(os.environ["BASE_URL"].rstrip("/"), os.environ["FUZZ_SCIM_TOKEN"]))
