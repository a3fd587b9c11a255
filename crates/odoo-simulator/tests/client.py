"""Talks to a simulator with clients we did not write: xmlrpc.client, and odoorpc and odoo-json2 when they can be imported.

Usage: client.py HOST:PORT DATABASE LOGIN PASSWORD. Prints one line per client; fails on the first difference.
"""

import datetime
import sys
import xmlrpc.client

address, database, login, password = sys.argv[1:5]


def with_standard_library():
    common = xmlrpc.client.ServerProxy(f"http://{address}/xmlrpc/2/common")
    models = xmlrpc.client.ServerProxy(f"http://{address}/xmlrpc/2/object", allow_none=True, use_builtin_types=True)
    assert common.version()["server_version_info"][0] == 17
    uid = common.authenticate(database, login, password, {})
    assert isinstance(uid, int) and uid is not False
    assert common.authenticate(database, login, "wrong", {}) is False

    def call(model, method, *args, **kwargs):
        return models.execute_kw(database, uid, password, model, method, list(args), kwargs)

    archived_too = {"active_test": False}
    fields = call("crm.lead", "fields_get", attributes=["type", "relation", "store"])
    wanted = [name for name in fields if name != "lead_properties"]
    last, leads = 0, []
    while True:
        page = call(
            "crm.lead", "search_read", [["id", ">", last]], fields=wanted, limit=200, order="id asc", load=False,
            context=archived_too,
        )
        if not page:
            break
        leads += page
        last = page[-1]["id"]
    assert len(leads) == call("crm.lead", "search_count", [], context=archived_too) >= 600
    kinds = {
        "char": str, "text": str, "html": str, "selection": str, "date": str, "datetime": str, "many2one": int,
        "integer": int, "float": float, "monetary": float, "boolean": bool, "one2many": list, "many2many": list,
        "json": dict,
    }
    never_false = {"integer", "float", "monetary", "one2many", "many2many"}
    for lead in leads:
        for name, value in lead.items():
            kind = fields[name]["type"]
            empty = value is False and kind not in never_false
            assert empty or type(value) is kinds[kind], (name, kind, value)

    moment = datetime.datetime(2020, 1, 1)
    assert call("crm.lead", "search_count", [["write_date", ">", moment], ["partner_id", "=", None]]) > 0
    lead = call("crm.lead", "create", {"name": "é <&> 漢字", "tag_ids": [(6, 0, [1, 2])], "expected_revenue": 10.005})
    [row] = call("crm.lead", "read", [lead], ["name", "tag_ids", "expected_revenue", "stage_id"])
    assert row["name"] == "é <&> 漢字" and sorted(row["tag_ids"]) == [1, 2] and row["expected_revenue"] == 10.005
    assert call("crm.lead", "write", [lead], {"stage_id": 5}) is True
    try:
        call("crm.lead", "action_set_lost", [lead], lost_reason_id=1)
        raise AssertionError("action_set_lost answers with a fault")
    except xmlrpc.client.Fault as fault:
        assert fault.faultCode == 1 and "cannot marshal None" in fault.faultString.strip().splitlines()[-1]
    [row] = call("crm.lead", "read", [lead], ["active", "probability"])
    assert row == {"id": lead, "active": False, "probability": 0.0}
    try:
        call("crm.lead", "read", [lead], ["nope"])
        raise AssertionError("an unknown field is a fault")
    except xmlrpc.client.Fault as fault:
        assert fault.faultString.strip().splitlines()[-1] == "ValueError: Invalid field 'nope' on model 'crm.lead'"
    assert models.execute(database, uid, password, "crm.lead", "unlink", [lead]) is True
    print(f"xmlrpc.client: ok, {len(leads)} leads")


def with_odoorpc():
    try:
        import odoorpc
    except ImportError:
        print("odoorpc: not installed, only xmlrpc.client was used")
        return
    host, port = address.rsplit(":", 1)
    odoo = odoorpc.ODOO(host, port=int(port))
    assert odoo.version.startswith("17.0")
    odoo.login(database, login, password)
    assert odoo.env.user.login == login
    leads = odoo.env["crm.lead"]
    found = leads.search([("type", "=", "opportunity")], limit=5, order="id")
    names = [lead.name for lead in leads.browse(found)]
    assert len(names) == 5 and all(names)
    created = leads.create({"name": "By odoorpc"})
    record = leads.browse(created)
    assert record.stage_id.name == "New" and record.user_id.login == login
    record.expected_revenue = 12.5
    assert leads.read([created], ["expected_revenue"])[0]["expected_revenue"] == 12.5
    assert leads.unlink([created]) is True
    try:
        leads.read([1], ["nope"])
        raise AssertionError("an unknown field is an error")
    except odoorpc.error.RPCError as error:
        assert "Invalid field 'nope'" in str(error)
    print(f"odoorpc: ok, version {odoorpc.__version__}")


def with_odoo_json2():
    try:
        import odoo_json2
    except ImportError:
        print("odoo-json2: not installed")
        return
    odoo = odoo_json2.JSON2Client(host=f"http://{address}", api_key=password, database=database)
    assert odoo.version()["version_info"][0] == 19
    leads = odoo.env["crm.lead"]
    found = leads.search_read(domain=[["type", "=", "opportunity"]], fields=["name"], limit=5, order="id")
    assert len(found) == 5 and all(lead["name"] for lead in found)
    [created] = leads.create([{"name": "By odoo-json2"}])
    assert odoo.call("crm.lead", "write", ids=[created], vals={"expected_revenue": 12.5}) is True
    [row] = odoo.call("crm.lead", "read", ids=[created], fields=["expected_revenue"])
    assert row == {"id": created, "expected_revenue": 12.5}
    # What has no value is an answer here.
    assert odoo.call("crm.lead", "action_set_lost", ids=[created]) in (None, True)
    assert odoo.call("crm.lead", "unlink", ids=[created]) is True
    for wrong, error in [
        (lambda: odoo.call("crm.nope", "search", domain=[]), odoo_json2.OdooNotFoundError),
        (lambda: odoo.call("crm.lead", "read", ids=[1], fields=["nope"]), odoo_json2.OdooServerException),
    ]:
        try:
            wrong()
            raise AssertionError("an error is told by its status")
        except error:
            pass
    stranger = odoo_json2.JSON2Client(host=f"http://{address}", api_key="another", database=database)
    try:
        stranger.call("crm.lead", "search", domain=[])
        raise AssertionError("another key opens nothing")
    except odoo_json2.OdooAuthError:
        pass
    print(f"odoo-json2: ok, version {odoo_json2.__version__}")


with_standard_library()
with_odoorpc()
with_odoo_json2()
