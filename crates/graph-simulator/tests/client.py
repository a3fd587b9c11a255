"""Reads the simulator with Microsoft's own libraries: msal for the sign-in, msgraph-core for the requests."""

import asyncio
import os

import httpx
import msal
from msgraph_core import GraphClientFactory

URL, TENANT = os.environ["GRAPH_URL"], os.environ["GRAPH_TENANT"]
CLOUD = "https://login.microsoftonline.com"


class OverHttp:
    """msal wants https, which a simulator on this machine has not: what it asks is asked there, over http."""

    def __init__(self):
        self.client = httpx.Client(trust_env=False)

    def post(self, address, **named):
        return self.ask("POST", address, **named)

    def get(self, address, **named):
        if "openid-configuration" in address:
            base = f"{CLOUD}/{TENANT}"
            ends = {name: f"{base}/oauth2/v2.0/{name}" for name in ("authorize", "token")}
            known = {f"{'authorization' if name == 'authorize' else name}_endpoint": end for name, end in ends.items()}
            return httpx.Response(200, json={**known, "issuer": f"{base}/v2.0"}, request=httpx.Request("GET", address))
        return self.ask("GET", address, **named)

    def ask(self, method, address, **named):
        taken = {name: named[name] for name in ("data", "params", "headers") if named.get(name)}
        return self.client.request(method, address.replace(CLOUD, URL), **taken)

    def close(self):
        self.client.close()


def sign_in():
    application = msal.ConfidentialClientApplication(
        os.environ["GRAPH_CLIENT"],
        client_credential=os.environ["GRAPH_SECRET"],
        authority=f"{CLOUD}/{TENANT}",
        instance_discovery=False,
        http_client=OverHttp(),
    )
    token = application.acquire_token_for_client(scopes=["https://graph.microsoft.com/.default"])
    assert "access_token" in token, token
    return token["access_token"]


async def round_of(client, address, headers):
    rows = []
    while True:
        answer = await client.get(address, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["value"]
        if "@odata.nextLink" not in page:
            return rows, page["@odata.deltaLink"]
        address = page["@odata.nextLink"]


async def main():
    headers = {"Authorization": f"Bearer {sign_in()}", "Prefer": 'IdType="ImmutableId"'}
    # Microsoft's retries, redirects and telemetry, as a transport of httpx.
    plain = httpx.AsyncClient(trust_env=False)
    async with GraphClientFactory.create_with_default_middleware(client=plain) as client:
        users, place = await round_of(client, f"{URL}/v1.0/users/delta", headers)
        assert all(user["userPrincipalName"] for user in users)
        again, _ = await round_of(client, place, headers)
        assert again == [], again
    print(f"{len(users)} users")


asyncio.run(main())
