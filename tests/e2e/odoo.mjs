/** The source's side of a test: reads and writes records of the Odoo simulator over its own XML-RPC interface. */
import assert from "node:assert/strict";
import { call, Double } from "./xmlrpc.mjs";

const { SIM_URL, SIM_DB, SIM_LOGIN, SIM_PASSWORD } = process.env;

export async function connect() {
  for (const [name, value] of Object.entries({ SIM_URL, SIM_DB, SIM_LOGIN, SIM_PASSWORD })) {
    assert.ok(value, `${name} is not set: the address and sign-in of the Odoo simulator are needed for this spec`);
  }
  const base = SIM_URL.replace(/\/$/, "");
  const uid = await call(`${base}/xmlrpc/2/common`, "authenticate", [SIM_DB, SIM_LOGIN, SIM_PASSWORD, {}]);
  assert.ok(uid, `the simulator refused ${SIM_LOGIN}`);
  return (model, method, args, kwargs = {}) =>
    call(`${base}/xmlrpc/2/object`, "execute_kw", [SIM_DB, uid, SIM_PASSWORD, model, method, args, kwargs]);
}

/** An open deal of that user with a value in whole cents, so that a rise of some cents is a rise by exactly as many. */
export async function openLeadOf(odoo, login) {
  const [user] = await odoo("res.users", "search_read", [[["login", "=", login]]], { fields: ["id"], limit: 1 });
  assert.ok(user, `the simulator has no user ${login}`);
  const stages = await odoo("crm.stage", "search_read", [[]], { fields: ["id", "is_won"] });
  const won = new Set(stages.filter((stage) => stage.is_won).map((stage) => stage.id));
  const leads = await odoo("crm.lead", "search_read", [[["user_id", "=", user.id]]], {
    fields: ["id", "name", "type", "active", "probability", "expected_revenue", "stage_id"],
    order: "id asc",
  });
  const lead = leads.find(
    ({ type, active, probability, expected_revenue: revenue, stage_id: stage }) =>
      type === "opportunity" &&
      active &&
      probability > 0 &&
      probability < 100 &&
      stage &&
      !won.has(stage[0]) &&
      revenue > 0 &&
      Number.isInteger(Math.round(revenue * 1e6) / 1e4),
  );
  assert.ok(lead, `${login} owns no open deal with a value`);
  return lead;
}

export function raise(odoo, lead, by) {
  return odoo("crm.lead", "write", [[lead.id], { expected_revenue: new Double(lead.expected_revenue + by) }]);
}
