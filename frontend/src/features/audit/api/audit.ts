/** The log of who did what: pages of it, and whether its chain is whole. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type AuditEntry = Schemas["AuditEntry"];
export type Verified = Schemas["AuditVerified"];

/** What the beginnings of actions stand for. */
export const AUDIT_GROUPS = [
  "session",
  "password",
  "account",
  "identity",
  "manager",
  "delegation",
  "source",
  "hook",
  "sync",
  "replay",
  "quarantine",
  "person",
  "epoch",
  "export",
] as const;

/** What the address says is asked for. */
export interface AuditSearch {
  /** Beginning of the action. */
  group?: string | undefined;
  actor?: string | undefined;
  target?: string | undefined;
  /** The first and the last day. */
  from?: string | undefined;
  to?: string | undefined;
  before?: number | undefined;
}

const DAY = /^\d{4}-\d\d-\d\d$/;

/** The parameters that the listing and the export share. Days are those of the reader's clock; the last one counts. */
export function conditions({ group, actor, target, from, to }: AuditSearch) {
  return {
    ...(group ? { action: `${group}.` } : {}),
    ...(actor ? { actor } : {}),
    ...(target ? { target } : {}),
    ...(from && DAY.test(from) ? { from: midnight(from, 0) } : {}),
    ...(to && DAY.test(to) ? { to: midnight(to, 1) } : {}),
  };
}

function midnight(text: string, later: number): string {
  const [year = 0, month = 1, date = 1] = text.split("-").map(Number);
  return new Date(year, month - 1, date + later).toISOString();
}

export function auditQuery(search: AuditSearch) {
  const { before } = search;
  return queryOptions({
    queryKey: ["audit", search],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/audit", {
          signal,
          params: { query: { ...conditions(search), ...(before ? { before } : {}) } },
        }),
      ),
  });
}

/** Walks along the whole chain, an answer at a time. */
export const verifyQuery = queryOptions({
  queryKey: ["audit-verify"],
  queryFn: async ({ signal }): Promise<Verified> => {
    let since: string | undefined;
    for (;;) {
      const found = await unwrap(
        api.GET("/api/audit/verify", { signal, params: { query: since ? { since } : {} } }),
      );
      if (found.complete) return found;
      since = found.head;
    }
  },
  staleTime: 60_000,
});

/** Where a file of what is asked for is. */
export function exportAddress(search: AuditSearch, format: "jsonl" | "csv"): string {
  return `/api/audit/export?${new URLSearchParams({ ...conditions(search), format })}`;
}
