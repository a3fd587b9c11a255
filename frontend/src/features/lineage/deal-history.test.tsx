import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Schemas } from "@/lib/api-client";
import { answer, refuse } from "@/testing/answer";
import { aHistory, aHistoryRow } from "@/testing/builders-generations";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const PATH = "/api/opportunities/{id}/history";

async function rowsOf(...rows: Partial<Schemas["OpportunityHistoryRow"]>[]): Promise<HTMLElement[]> {
  server.use(answer.get(PATH, aHistory(rows.map(aHistoryRow))));
  renderApp("/data-lake/lineage/opportunities/o1");
  const table = await screen.findByRole("table", { name: "What happened" });
  return within(table).getAllByRole("row").slice(1);
}

test("what happened is told in names, the latest first, with who did it and how that is known", async () => {
  const [latest, first] = await rowsOf(
    { field: "created", from: null, to: null, by: null, evidence: "inferred", since: null },
    {},
  );
  expect(latest).toHaveTextContent(/Stage.*New →.*Qualified.*Krishna Iyer.*Written down at the source/);
  expect(first).toHaveTextContent(/Created.*Inferred/);
});

test("an interval and a gap are told where there are some", async () => {
  const [row] = await rowsOf({
    evidence: "observed_diff",
    since: "2026-11-20T08:00:00Z",
    gap: true,
    by: null,
  });
  expect(row).toHaveTextContent(/Two readings differ.*at some time after 20 Nov 2026.*Versions in between/);
});

test("values are told as what they are", async () => {
  const status = { in_won_stage: "won", elsewhere: "open" };
  const rows = await rowsOf(
    { field: "amount", from: "1234567.5", to: { cleared: true } },
    { field: "probability", from: null, to: 250_000 },
    { field: "status", from: status, to: { any_of: ["archived", "lost"] } },
    { field: "team", from: null, to: "t1" },
    { field: "close_date", from: "2026-12-01", to: null },
    { field: "currency", from: null, to: { company: "c1" } },
    { field: "owner", from: null, to: "u9", edit: true },
  );
  const told = rows.map((row) => row.textContent);
  expect(told[0]).toMatch(/Owner.*u9.*Edited here/);
  expect(told[1]).toMatch(/Expected close.*1 Dec 2026 →.*–/);
  expect(told[2]).toMatch(/Team.*Europe/);
  expect(told[3]).toMatch(/Status.*Open →.*Lost or archived/);
  expect(told[4]).toMatch(/Probability.*25%/);
  expect(told[5]).toMatch(/Amount.*1,234,567\.5 →.*cleared/);
  expect(told).toHaveLength(6);
});

test("the rest of the page stays when the history cannot be had", async () => {
  server.use(refuse("get", PATH, { status: 503, code: "store-unavailable", title: "The database is away" }));
  renderApp("/data-lake/lineage/opportunities/o1");
  expect(await screen.findByText("The database is away")).toBeVisible();
  expect(screen.getByTestId("lineage")).toBeVisible();
});
