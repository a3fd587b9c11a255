/** Valid answers with plausible values; a test names only what its story needs. */
import type { Schemas } from "@/lib/api-client";

export const usd = (minor: number): Schemas["Money"] => ({ currency: "USD", minor, exponent: 2 });
export const eur = (minor: number): Schemas["Money"] => ({ currency: "EUR", minor, exponent: 2 });
export const jpy = (minor: number): Schemas["Money"] => ({ currency: "JPY", minor, exponent: 0 });

const AS_OF = "2026-11-23T08:00:00Z";

export function aSession(user: Partial<Schemas["SessionUser"]> = {}): Schemas["Session"] {
  return {
    access_expires_at: new Date(Date.now() + 600_000).toISOString(),
    user: {
      id: "u1",
      email: "superadmin@salescommand.com",
      name: "Sofia Almeida",
      role: "super_admin",
      role_label: "Super Admin",
      permissions: [
        "dashboard:read",
        "data-lake:read",
        "sync:read",
        "sync:trigger",
        "ops:read",
        "ops:manage",
      ],
      person_id: null,
      ...user,
    },
  };
}

export function aMeta(source: Partial<Schemas["SourceFreshness"]> = {}): Schemas["Meta"] {
  return {
    as_of: AS_OF,
    generation: { canonical: 1, serving: { dashboard_stats: 1 } },
    definition_version: 1,
    sources: [
      {
        name: "odoo-main",
        kind: "odoo",
        title: "Odoo main",
        state: "ok",
        last_complete_sync: AS_OF,
        age_seconds: 60,
        projected: true,
        ...source,
      },
    ],
  };
}

export function anOverview(part: Partial<Schemas["Overview"]> = {}): Schemas["Overview"] {
  return {
    meta: aMeta(),
    scope: { kind: "all", label: "All", people: 23 },
    period: { key: "2026-Q4", label: "Q4 2026", start: "2026-10-01", end: "2027-01-01" },
    open_pipeline: { count: 3, unvalued: 1, undated: 2, amounts: [eur(1_000_050), usd(123_456_00)] },
    weighted_pipeline: { count: 2, amounts: [usd(50_000_00)] },
    won: { count: 2, unvalued: 0, amounts: [usd(900_00)] },
    lost: { count: 1, unvalued: 0, amounts: [] },
    win_rate: { won: 2, lost: 1, rate: 0.6667, low: 0.2077, high: 0.9385, reason: null },
    pipeline_by_stage: [
      {
        stage_id: "s1",
        source: "odoo",
        name: "New",
        order: 1,
        count: 2,
        unvalued: 1,
        amounts: [usd(123_456_00)],
        weighted: [usd(12_345_60)],
      },
      {
        stage_id: "s2",
        source: "odoo",
        name: "Proposition",
        order: 2,
        count: 1,
        unvalued: 0,
        amounts: [eur(1_000_050)],
        weighted: [],
      },
    ],
    activity: [
      {
        id: "a1",
        kind: "call",
        subject: "Call about the renewal",
        at: AS_OF,
        due: null,
        state: "done",
        owner: { id: "p1", name: "Krishna Iyer" },
        related: { entity: "opportunities", id: "o1", name: "Azure Interior" },
      },
    ],
    ...part,
  };
}

export function aHealth(): Schemas["LakeHealth"] {
  return { status: "ok", checks: [{ name: "store", status: "ok", detail: "reachable", fix: null }] };
}

export function aStats(part: Partial<Schemas["LakeStats"]> = {}): Schemas["LakeStats"] {
  return {
    meta: aMeta(),
    raw: [
      {
        source: "odoo-main",
        epoch: 1,
        stream: "RAW_ODOO_MAIN_E1",
        events: 25_431,
        bytes: 38_214_410,
        first_at: AS_OF,
        last_at: AS_OF,
        pending: 0,
      },
    ],
    canonical: {
      generation: 1,
      entities: [{ entity: "accounts", count: 412 }],
      pending: 0,
      quarantine: { open: 2 },
    },
    serving: [{ projection: "dashboard_stats", version: 1, generation: 1, documents: 184, pending: 0 }],
    ...part,
  };
}

export function anEntityPage(part: Partial<Schemas["EntityPage"]> = {}): Schemas["EntityPage"] {
  return {
    meta: aMeta(),
    items: [
      {
        id: "o1",
        name: "Quote for 600 chairs",
        status: "open",
        owner: { id: "p1", name: "Krishna Iyer" },
        amount: usd(1_234_50),
        source: { instance: "odoo-main", object: "crm.lead", key: "17" },
        updated_at: AS_OF,
      },
    ],
    next_cursor: null,
    ...part,
  };
}

export function aRun(part: Partial<Schemas["Run"]> = {}): Schemas["Run"] {
  return {
    run_id: "r1",
    source: "odoo-main",
    trigger: "manual",
    state: "succeeded",
    started_at: AS_OF,
    finished_at: "2026-11-23T08:00:14Z",
    objects: [],
    read: 100,
    published: 7,
    unchanged: 93,
    rejected: 0,
    deleted: 0,
    calls: 3,
    bytes: 52_000,
    retries: 0,
    rate_limits: 0,
    waited_ms: 0,
    error: null,
    ...part,
  };
}

export function anObject(part: Partial<Schemas["RunObject"]> = {}): Schemas["RunObject"] {
  return {
    object: "crm.lead",
    state: "running",
    read: 50,
    published: 4,
    unchanged: 46,
    rejected: 0,
    deleted: 0,
    total: 200,
    before: 0,
    phase: "reading",
    calls: 1,
    bytes: 20_000,
    retries: 0,
    rate_limits: 0,
    waited_ms: 0,
    detail: null,
    ...part,
  };
}

export function aSchedule(part: Partial<Schemas["SourceSchedule"]> = {}): Schemas["SourceSchedule"] {
  return {
    cadence: "15m",
    objects: {},
    next_at: AS_OF,
    failures: 0,
    paused_after: 5,
    paused: false,
    ...part,
  };
}

export function aSource(part: Partial<Schemas["SourceStatus"]> = {}): Schemas["SourceStatus"] {
  return {
    name: "odoo-main",
    kind: "odoo",
    title: "Odoo main",
    url: "http://127.0.0.1:8069",
    state: "ok",
    last_complete_sync: AS_OF,
    alerts: [],
    schedule: aSchedule(),
    current: null,
    last: aRun(),
    ...part,
  };
}

export function aReject(part: Partial<Schemas["Reject"]> = {}): Schemas["Reject"] {
  return {
    id: "odoo-main/1/17",
    source: "odoo-main",
    subject: "raw.odoo-main.1.crm.lead.17",
    reason: "wrong_type",
    path: "/expected_revenue",
    detail: "expected a number, found a string",
    state: "open",
    note: null,
    ...part,
  };
}

export function aQuarantinePage(part: Partial<Schemas["QuarantinePage"]> = {}): Schemas["QuarantinePage"] {
  return {
    meta: aMeta(),
    items: [aReject()],
    counts: [{ reason: "wrong_type", count: 1 }],
    next_cursor: null,
    ...part,
  };
}

export function anEpoch(part: Partial<Schemas["EpochSummary"]> = {}): Schemas["EpochSummary"] {
  return {
    instance: "odoo-main",
    epoch: 1,
    state: "open",
    archived: false,
    events: 25_431,
    bytes: 38_214_410,
    first_at: AS_OF,
    last_at: AS_OF,
    ...part,
  };
}
