"""Lets schemathesis loose on a running stack: as each role, then on what ends sessions, then as nobody; and scim2-tester on its SCIM
server, if there is a token.

BASE_URL: the stack. FUZZ_SCIM_TOKEN: the token of a provider whose directory keeps accounts. FUZZ_FULL=1: many times more, another seed each time. FUZZ_SEED: repeats a run. Prints `# pass N` and `# fail N` at the end.
Standard library only, but for directory.py; schemathesis runs as a program of its own beside this interpreter.
"""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
BASE = os.environ["BASE_URL"].rstrip("/")
FULL = os.environ.get("FUZZ_FULL") == "1"
# The short run is the same each time, so that what it finds is of the change that was made.
SEED = os.environ.get("FUZZ_SEED") or (str(secrets.randbelow(2**32)) if FULL else "20261127")
SCHEMATHESIS = pathlib.Path(sys.executable).with_name("schemathesis")

ADMIN = ("superadmin@salescommand.com", "demo123")
PASSWORD = "correct horse battery staple"
# The lowest role is refused most, the highest nothing; those between take the time of a full run.
ROLES = ["viewer", "sales_user", "account_manager", "sales_manager", "executive"] if FULL else ["viewer"]

# Wrong attempts to sign in are counted, and signing in again after that is refused: these come last.
SIGN_IN = [
    "login",
    "choose_password",
    "refresh",
    "ms365_login",
    "ms365_callback",
    "oidc_login",
    "oidc_callback",
    "odoo_hook",
    "odoo_hook_bearer",
]
ENDINGS = ["change_password", "logout"]


class Browser:
    """Asks the API as one person."""

    def __init__(self):
        self.cookies = {}

    def ask(self, method, path, body=None):
        headers = {
            "X-Requested-With": "salescommand",
            "Content-Type": "application/json",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(BASE + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.split(";")[0].partition("=")
                self.cookies[name] = value
            text = answer.read()
        return json.loads(text) if text else None

    def sign_in(self, email, password):
        self.ask("POST", "/api/auth/login", {"email": email, "password": password})
        return self


def account_of(admin, role):
    """Makes an account of a role and chooses its password, as its owner would."""
    email = f"{role}.{secrets.token_hex(4)}@fuzz.example"
    made = admin.ask("POST", "/api/users", {"email": email, "name": role, "role": role})
    token = made["link"]["path"].split("#", 1)[1]
    Browser().ask("POST", "/api/auth/choose-password", {"token": token, "password": PASSWORD})
    return email, PASSWORD


def settings_of_source(admin):
    """How the source that there is, is reached."""
    there = admin.ask("GET", "/api/sync/sources")["sources"]
    return there[0]["settings"] if there else {"url": BASE}


def made_source(admin, settings):
    """The name of a source that was not there before."""
    name = f"spare-{secrets.token_hex(3)}"
    admin.ask("POST", "/api/sync/sources", {"name": name, "kind": "odoo", "settings": settings, "secret": "none"})
    return name


def hook_key(admin, source):
    """A key with which the source may hint at changes."""
    return admin.ask("POST", f"/api/sync/sources/{source}/hook")["key"]


def dictionaries(admin, settings):
    """Values that are really there: whatever is invented would be told apart from them at the door."""
    spare = made_source(admin, settings)
    key = hook_key(admin, "odoo")
    try:
        admin.ask("POST", "/api/data-lake/replays", {"kind": "verify"})
    except urllib.error.HTTPError as refused:
        # One that is open already is as good.
        if refused.code != 409:
            raise
    deals = [deal["id"] for deal in admin.ask("GET", "/api/opportunities?limit=20")["items"]]
    accounts = [one["id"] for one in admin.ask("GET", "/api/data-lake/entities/accounts?limit=5")["items"]]
    return {
        "sources": ["odoo"],
        "spare_sources": [spare],
        "records": deals + accounts,
        "accounts": [user["id"] for user in admin.ask("GET", "/api/users?limit=50")["users"]],
        "entities": ["accounts", "contacts", "opportunities", "activities", "users", "teams"],
        "collections": ["dashboard_stats", "pipeline_summary", "activity_feed", "directory", "opportunity_history"],
        "runs": [run["run_id"] for run in admin.ask("GET", "/api/sync/history")["runs"]],
        "replays": [replay["id"] for replay in admin.ask("GET", "/api/data-lake/replays")["items"]],
        "hook_keys": [key],
    }


def configuration(folder, values):
    tables = [f"[dictionaries.{name}]\nvalues = {json.dumps(of or ['none'])}\n" for name, of in values.items()]
    path = folder / "schemathesis.toml"
    path.write_text((HERE / "schemathesis.toml").read_text() + "\n" + "\n".join(tables))
    return path


def run(title, config, credentials, options):
    """One run of schemathesis; gives how many operations held and failed."""
    environment = {**os.environ, "BASE_URL": BASE, "SCHEMATHESIS_HOOKS": "session", "PYTHONPATH": str(HERE)}
    if credentials:
        environment["FUZZ_EMAIL"], environment["FUZZ_PASSWORD"] = credentials
    report = config.parent / "junit.xml"
    report.unlink(missing_ok=True)
    command = [SCHEMATHESIS, "--config-file", config, "run", f"{BASE}/api/openapi.json", "--url", BASE]
    command += ["--no-color", "--seed", SEED, "--report", "junit", "--report-junit-path", report, *options]
    print(f"== {title} (seed {SEED})", flush=True)
    status = subprocess.run([str(part) for part in command], env=environment, cwd=config.parent, check=False).returncode
    cases = list(ElementTree.parse(report).getroot().iter("testcase")) if report.is_file() else []
    failed = sum(1 for case in cases if case.find("failure") is not None or case.find("error") is not None)
    if status and not failed:
        failed = 1
    print(f"== {title}: {len(cases) - failed} held, {failed} failed", flush=True)
    return len(cases) - failed, failed


def chosen(flag, operations):
    return [part for operation in operations for part in (f"--{flag}-operation-id", operation)]


def main():
    admin = Browser().sign_in(*ADMIN)
    people = {role: account_of(admin, role) for role in ROLES}
    others = chosen("exclude", SIGN_IN + ENDINGS)
    thorough = ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "300"]
    usual = ["--phases", "examples,coverage,fuzzing", "--max-examples", "15"]
    brief = ["--phases", "examples,coverage", "--max-examples", "10"]
    results = []
    token = os.environ.get("FUZZ_SCIM_TOKEN")
    if token:
        # Only here: without it nothing beside the standard library is needed.
        import directory

        results.append(directory.check(BASE, token))
    with tempfile.TemporaryDirectory(prefix="salescommand-fuzz-") as folder:
        folder = pathlib.Path(folder)
        settings = settings_of_source(admin)
        values = dictionaries(admin, settings)
        config = configuration(folder, values)
        for role, credentials in people.items():
            results.append(run(role, config, credentials, [*others, *(thorough if FULL else brief)]))
        results.append(run("super_admin", config, ADMIN, [*others, *(thorough if FULL else usual)]))
        # The run before may have removed the source and its hook.
        admin = Browser().sign_in(*ADMIN)
        values["sources"] = [made_source(admin, settings)]
        values["hook_keys"] = [hook_key(admin, values["sources"][0])]
        config = configuration(folder, values)
        results.append(run("endings", config, ADMIN, [*chosen("include", ENDINGS), *(thorough if FULL else usual)]))
        results.append(run("nobody", config, None, thorough if FULL else brief))
    print(f"# pass {sum(passed for passed, _ in results)}")
    print(f"# fail {sum(failed for _, failed in results)}")


if __name__ == "__main__":
    main()
