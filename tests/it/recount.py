"""Recounts the overview's figures straight from an Odoo server, independently of SalesCommand.

Python's own XML-RPC client and decimal arithmetic; nothing of the product is used. Prints JSON.

    ODOO_PASSWORD=... python3 recount.py URL DATABASE LOGIN PERIOD_START PERIOD_END [OWNER_LOGIN ...]

With owner logins, only deals of these owners count, and with `inbox:TEAM_ID` the unassigned deals of that team;
without any, all do.
"""

import json
import os
import sys
import xmlrpc.client
from decimal import ROUND_HALF_EVEN, Decimal


def half_even(value):
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def connect(url, database, login, password):
    uid = xmlrpc.client.ServerProxy(url + "/xmlrpc/2/common").authenticate(database, login, password, {})
    if not uid:
        sys.exit("login refused")
    models = xmlrpc.client.ServerProxy(url + "/xmlrpc/2/object")

    def read_all(model, fields):
        context = {"active_test": False}
        return models.execute_kw(
            database, uid, password, model, "search_read", [[]], {"fields": fields, "order": "id", "context": context}
        )

    return read_all


def id_of(value):
    return value[0] if value else None


def status(lead, won_stages):
    in_won = id_of(lead["stage_id"]) in won_stages
    if lead["active"]:
        return "won" if in_won else "open"
    if lead["probability"] == 0:
        return "lost"
    return "won" if in_won else "archived"


class Figure:
    def __init__(self):
        self.count = self.unvalued = self.undated = 0
        self.amounts, self.weighted = {}, {}

    def add(self, lead, currency, dated=True):
        self.count += 1
        self.undated += 0 if dated else 1
        if not lead["expected_revenue"] or currency is None:
            self.unvalued += 1
            return
        code, places = currency
        minor = half_even(Decimal(repr(lead["expected_revenue"])) * (10**places))
        parts = half_even(Decimal(repr(lead["probability"])) * 10000)
        weighted = half_even(Decimal(minor) * parts / 1000000)
        self.amounts[code] = self.amounts.get(code, 0) + minor
        self.weighted[code] = self.weighted.get(code, 0) + weighted

    def as_json(self):
        return vars(self)


def main():
    url, database, login, start, end = sys.argv[1:6]
    owners = sys.argv[6:]
    read_all = connect(url, database, login, os.environ["ODOO_PASSWORD"])
    currencies = {c["id"]: (c["name"], c["decimal_places"]) for c in read_all("res.currency", ["name", "decimal_places"])}
    companies = {c["id"]: currencies[id_of(c["currency_id"])] for c in read_all("res.company", ["currency_id"])}
    stages = {s["id"]: s for s in read_all("crm.stage", ["name", "is_won"])}
    users = {u["id"]: u["login"] for u in read_all("res.users", ["login"])}
    won_stages = {id for id, stage in stages.items() if stage["is_won"]}
    fields = [
        "type", "active", "probability", "expected_revenue", "company_id", "stage_id", "user_id", "team_id",
        "date_deadline", "date_closed",
    ]
    figures = {"open": Figure(), "won": Figure(), "lost": Figure()}
    by_stage = {}
    seen = {"archived": 0, "unassigned": 0, "leads": 0, "lost": 0, "without_company": 0}
    for lead in read_all("crm.lead", fields):
        if lead["type"] != "opportunity":
            seen["leads"] += 1
            continue
        owner = users.get(id_of(lead["user_id"]))
        key = owner if owner else f"inbox:{id_of(lead['team_id'])}"
        if owners and key not in owners:
            continue
        seen["unassigned"] += owner is None
        seen["without_company"] += not lead["company_id"]
        currency = companies.get(id_of(lead["company_id"]))
        now = status(lead, won_stages)
        if now == "open":
            figures["open"].add(lead, currency, dated=bool(lead["date_deadline"]))
            stage = stages[id_of(lead["stage_id"])]["name"] if lead["stage_id"] else None
            by_stage.setdefault(stage, Figure()).add(lead, currency)
        elif now == "archived":
            seen["archived"] += 1
        else:
            seen["lost"] += now == "lost"
            if lead["date_closed"] and start <= lead["date_closed"][:10] < end:
                figures[now].add(lead, currency)
    print(
        json.dumps(
            {
                "figures": {name: figure.as_json() for name, figure in figures.items()},
                "by_stage": {str(name): figure.as_json() for name, figure in by_stage.items()},
                "seen": seen,
            }
        )
    )


main()
