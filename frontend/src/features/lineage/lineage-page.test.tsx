import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aMeta, usd } from "@/testing/builders";
import { aDeal, aLineage } from "@/testing/builders-generations";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const PATH = "/api/data-lake/lineage/{entity}/{id}";

function field(name: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[data-field="${name}"]`);
  if (!found) throw new Error(`there is no field ${name}`);
  return found;
}

test("a record's name leads to why it says what it says", async () => {
  const { user, address } = renderApp("/data-lake/entities");
  const table = await screen.findByRole("table", { name: "Opportunities, one page" });
  await user.click(within(table).getByRole("link", { name: "Quote for 600 chairs" }));
  expect(
    await screen.findByRole("heading", { level: 1, name: "Lineage: Quote for 600 chairs" }),
  ).toBeVisible();
  expect(address()).toBe("/data-lake/lineage/opportunities/o1");
});

test("each field has its winner, its rule, its losers and what it was computed from", async () => {
  const { user } = renderApp("/data-lake/lineage/opportunities/o1");
  await screen.findByTestId("lineage");
  const name = within(field("name"));
  expect(name.getByText("A person's edit goes before every source.")).toBeVisible();
  expect(name.getByText(/by Krishna Iyer/)).toBeVisible();
  await user.click(name.getByText("1 other said something else"));
  expect(name.getByText("Chairs")).toBeVisible();
  expect(name.getByText("Its source comes later in the order of precedence.")).toBeVisible();
  expect(field("amount")).toHaveTextContent("USD1,234.50");
  expect(field("amount")).toHaveTextContent("odoo-main / crm.lead / 3 @ 1/17");
});

test("operators see the raw events, others only which records", async () => {
  renderApp("/data-lake/lineage/opportunities/o1");
  const events = await screen.findByRole("table", { name: "Raw events" });
  expect(within(events).getByRole("row", { name: /odoo-main\/1\/17/ })).toHaveTextContent("RAW_ODOO_MAIN_E1");
});

test("without raw positions there is no list of events", async () => {
  server.use(answer.get(PATH, aLineage({ events: null })));
  renderApp("/data-lake/lineage/opportunities/o1");
  await screen.findByTestId("lineage");
  expect(screen.queryByRole("table", { name: "Raw events" })).not.toBeInTheDocument();
});

test("a merged record leads to the one that has its content, and back", async () => {
  server.use(answer.get(PATH, aLineage({ deleted: true, merged_into: "o2" })));
  renderApp("/data-lake/lineage/opportunities/o1");
  const heir = await screen.findByRole("link", { name: "o2" });
  expect(heir).toHaveAttribute("href", "/data-lake/lineage/opportunities/o2");
  expect(screen.queryByText("Deleted in every source that had it.")).not.toBeInTheDocument();
});

test("what was merged into a record is named there", async () => {
  server.use(answer.get(PATH, aLineage({ merged_from: [{ id: "o3", name: "Chairs, once more" }] })));
  renderApp("/data-lake/lineage/opportunities/o1");
  const merged = within(await screen.findByTestId("merged-from"));
  expect(merged.getByRole("link", { name: "Chairs, once more" })).toHaveAttribute(
    "href",
    "/data-lake/lineage/opportunities/o3",
  );
});

test("a record outside the reader's scope is unknown", async () => {
  server.use(refuse("get", PATH, { status: 404, code: "unknown-record", title: "Unknown record" }));
  renderApp("/data-lake/lineage/opportunities/o9");
  expect(await screen.findByText("Unknown record")).toBeVisible();
});

test("another kind of record than there is leads nowhere", async () => {
  renderApp("/data-lake/lineage/deals/o1");
  expect(await screen.findByText("There is no such page")).toBeVisible();
});

test("a deal shows what it is labelled with, by name", async () => {
  const opportunity = aDeal({
    tags: [
      { id: "t1", name: "Alpine" },
      { id: null, name: "Big" },
    ],
    source: { id: "s1", name: "Trade fair" },
    campaign: { id: "c1", name: "Spring offers" },
    lost_reason: { id: "r1", name: "Too expensive" },
    recurring: { amount: usd(1_200_00), months: 12, mrr: usd(100_00) },
  });
  server.use(
    answer.get("/api/opportunities/{id}", { meta: aMeta(), opportunity, merged_from: [], write: null }),
  );
  renderApp("/data-lake/lineage/opportunities/o1");
  const labels = within(await screen.findByRole("region", { name: "Labels" }));
  expect(await labels.findByText("Alpine")).toBeVisible();
  expect(labels.getByText("Big")).toBeVisible();
  for (const name of ["Trade fair", "Spring offers", "Too expensive"]) {
    expect(labels.getByText(name)).toBeVisible();
  }
  expect(labels.getByText("every 12 months")).toBeVisible();
  expect(labels.getByText(/100\.00/)).toBeVisible();
  expect(labels.getByText("Medium").nextElementSibling).toHaveTextContent("–");
});

test("what is no deal has no labels", async () => {
  renderApp("/data-lake/lineage/accounts/a1");
  await screen.findByTestId("lineage");
  expect(screen.queryByRole("region", { name: "Labels" })).not.toBeInTheDocument();
});
