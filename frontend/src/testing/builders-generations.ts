/** Valid answers about generations, replays and lineage. */
import type { Schemas } from "@/lib/api-client";
import { aMeta, usd } from "@/testing/builders";

const AT = "2026-11-23T08:00:00Z";

export function aReplay(part: Partial<Schemas["ReplaySummary"]> = {}): Schemas["ReplaySummary"] {
  return {
    id: "r1",
    kind: "raw",
    source: null,
    projection: null,
    reason: "requested",
    requested_by: "Sofia Almeida",
    switch: false,
    state: "ready",
    command: null,
    commanded_by: null,
    accepted_because: null,
    canonical: 2,
    serving: { dashboard_stats: 2 },
    progress: { done: 25_431, total: 25_431, events_per_second: 1_800, eta_seconds: null },
    result: { gate: "open", compared: 21, differing: 0, unexplained: 0 },
    error: null,
    requested_at: AT,
    started_at: AT,
    finished_at: null,
    ...part,
  };
}

export const aGeneration = (part: Partial<Schemas["GenerationEntry"]> = {}): Schemas["GenerationEntry"] => ({
  id: "canonical/1",
  projection: null,
  number: 1,
  canonical: 1,
  standing: "active",
  definition: { merge: "1", "mapper:odoo": "1" },
  replay: null,
  position: [{ instance: "odoo-main", epoch: 1, sequence: 25_431 }],
  ...part,
});

export const aSet = (canonical: number): Schemas["GenerationSet"] => ({
  canonical,
  serving: { dashboard_stats: canonical, directory: canonical },
});

export function aGenerationList(part: Partial<Schemas["GenerationList"]> = {}): Schemas["GenerationList"] {
  return {
    switch: { active: aSet(1), previous: null },
    items: [aGeneration()],
    open_replays: [],
    last_verification: null,
    ...part,
  };
}

export function aReplayDetail(
  replay: Partial<Schemas["ReplaySummary"]> = {},
  comparison: Partial<Schemas["ComparisonDetail"]> = {},
): Schemas["ReplayDetail"] {
  return {
    replay: aReplay(replay),
    comparison: {
      position: [{ instance: "odoo-main", epoch: 1, sequence: 25_431 }],
      changed_definition: [],
      collections: [],
      money: [{ before: usd(100_00), after: usd(100_00) }],
      ...comparison,
    },
  };
}

export function aDifference(
  part: Partial<Schemas["CollectionComparison"]> = {},
): Schemas["CollectionComparison"] {
  return {
    collection: "canonical_opportunities",
    before: 412,
    after: 412,
    only_before: 0,
    only_after: 0,
    changed: 1,
    unexplained: 1,
    samples: [
      { id: "o1", fields: ["/body/amount/minor"], only_before: false, only_after: false, explained_by: [] },
    ],
    ...part,
  };
}

const aSource = (key: string): Schemas["LineageSource"] => ({
  facet: `f-${key}`,
  instance: "odoo-main",
  object: "crm.lead",
  key,
  raw: { instance: "odoo-main", epoch: 1, sequence: 17, stream: "RAW_ODOO_MAIN_E1" },
});

/** The generated type of a free-form value is an empty object; here are real ones. */
const value = (given: unknown) => given as Record<string, never>;

export function aLineage(part: Partial<Schemas["RecordLineage"]> = {}): Schemas["RecordLineage"] {
  return {
    meta: aMeta(),
    entity: "opportunity",
    id: "o1",
    deleted: false,
    merged_into: null,
    merged_from: [],
    facets: [{ source: aSource("17"), deleted: false, edit: false, modified_at: AT }],
    events: [{ instance: "odoo-main", epoch: 1, sequence: 17, stream: "RAW_ODOO_MAIN_E1" }],
    fields: [
      {
        field: "name",
        value: value("Quote for 600 chairs"),
        rule: "edit",
        text: "A person's edit goes before every source.",
        winner: {
          source: { ...aSource("17"), instance: "crm", raw: null },
          value: value("Quote for 600 chairs"),
          edited_at: AT,
          edited_by: { id: "p1", name: "Krishna Iyer" },
        },
        inputs: [],
        losers: [
          {
            statement: { source: aSource("17"), value: value("Chairs"), edited_at: null, edited_by: null },
            lost_by: "precedence",
            text: "Its source comes later in the order of precedence.",
          },
        ],
      },
      {
        field: "amount",
        value: value({ code: "USD", exponent: 2, minor: 123450 }),
        rule: "computed",
        text: "Computed from other fields.",
        winner: null,
        inputs: [
          { field: "value", source: null },
          { field: null, source: aSource("3") },
        ],
        losers: [],
      },
    ],
    ...part,
  };
}

export function aDeal(part: Partial<Schemas["OpportunityItem"]> = {}): Schemas["OpportunityItem"] {
  return {
    id: "o1",
    kind: "opportunity",
    name: "Quote for 600 chairs",
    status: "open",
    stage: null,
    amount: usd(1_234_50),
    weighted: null,
    probability_ppm: null,
    owner: null,
    account: null,
    recurring: null,
    lost_reason: null,
    source: null,
    medium: null,
    campaign: null,
    tags: [],
    close_date: null,
    closed_on: null,
    created_on: null,
    updated_at: AT,
    deleted: false,
    flags: [],
    sources: [],
    edited: [],
    ...part,
  };
}

export function aHistoryRow(
  part: Partial<Schemas["OpportunityHistoryRow"]> = {},
): Schemas["OpportunityHistoryRow"] {
  return {
    facet: "o1",
    field: "stage",
    from: "s1",
    to: "s2",
    valid_at: AT,
    since: null,
    evidence: "source_history",
    by: "u1",
    known_at: AT,
    edit: false,
    gap: false,
    ...part,
  };
}

export function aHistory(
  rows: Schemas["OpportunityHistoryRow"][] = [aHistoryRow()],
): Schemas["OpportunityHistory"] {
  const names = { s1: "New", s2: "Qualified", u1: "Krishna Iyer", t1: "Europe" };
  return { meta: aMeta(), id: "o1", exists: true, fields: {}, rows, names };
}
