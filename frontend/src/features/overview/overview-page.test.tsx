import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aMeta, anOverview } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

test("two currencies stand side by side and are never added up", async () => {
  renderApp("/overview");
  const tile = await screen.findByRole("region", { name: "Open pipeline" });
  const amounts = within(tile)
    .getAllByRole("listitem")
    .map((line) => line.textContent);
  expect(amounts).toEqual([
    "EUR10,001",
    "USD123,456",
    "3 open deals",
    "1 without a value",
    "2 without a close date",
  ]);
});

test("the win rate comes with its interval and its n", async () => {
  renderApp("/overview");
  const tile = await screen.findByRole("region", { name: "Win rate in Q4 2026" });
  expect(tile).toHaveTextContent("67%");
  expect(tile).toHaveTextContent("2 won of 3 closed");
  expect(within(tile).getByRole("img")).toHaveAccessibleName(
    "Between 21% and 94% with 95 % confidence, from 3 closed deals",
  );
});

test("no win rate says why instead of 0 %", async () => {
  const win_rate = {
    won: 0,
    lost: 0,
    rate: null,
    low: null,
    high: null,
    reason: "no deal closed in this period",
  };
  server.use(answer.get("/api/dashboard/overview", anOverview({ win_rate })));
  renderApp("/overview");
  const tile = await screen.findByRole("region", { name: "Win rate in Q4 2026" });
  expect(tile).toHaveTextContent("no deal closed in this period");
  expect(tile).not.toHaveTextContent("%");
});

test("the table twin has exact amounts, a column pair per currency", async () => {
  const { user, address } = renderApp("/overview");
  await user.click(await screen.findByRole("radio", { name: "Table" }));
  const table = await screen.findByRole("table", { name: "Pipeline by stage" });
  const heads = within(table)
    .getAllByRole("columnheader")
    .map((head) => head.textContent);
  expect(heads).toEqual([
    "Stage",
    "Deals",
    "Value, EUR",
    "Weighted, EUR",
    "Value, USD",
    "Weighted, USD",
    "No value",
  ]);
  expect(within(table).getByRole("row", { name: /Proposition/ })).toHaveTextContent("EUR10,000.50");
  expect(address()).toBe("/overview?view=table");
});

test("the chosen quarter is in the address and asked for", async () => {
  const asked: (string | null)[] = [];
  server.use(
    answer.get("/api/dashboard/overview", (request) => {
      asked.push(new URL(request.url).searchParams.get("period"));
      return anOverview();
    }),
  );
  const { user, address } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.click(screen.getByRole("button", { name: "Previous quarter" }));
  await expect.poll(() => asked).toEqual([null, "2026-Q3"]);
  expect(address()).toBe("/overview?period=2026-Q3");
});

test("a mistyped quarter in the address falls back to the current one", async () => {
  renderApp("/overview?period=yesterday&view=pie");
  expect(await screen.findByRole("combobox", { name: "Quarter" })).toHaveValue("");
});

test.each([
  [{ kind: "all", label: "All", people: 23 } as const, "All"],
  [{ kind: "team", label: "Your team", people: 4 } as const, "Your team · 4 people"],
  [{ kind: "team", label: "Your team · 4 people", people: 4 } as const, "Your team · 4 people"],
  [{ kind: "own", label: "Your own", people: 1 } as const, "Your own"],
])("the scope %o is named", async (scope, label) => {
  server.use(answer.get("/api/dashboard/overview", anOverview({ scope })));
  renderApp("/overview");
  expect(await screen.findByTestId("scope")).toHaveTextContent(label);
});

test("freshness says when newly read records are not in the figures yet", async () => {
  const meta = aMeta({ state: "running", projected: false });
  server.use(answer.get("/api/dashboard/overview", anOverview({ meta })));
  renderApp("/overview");
  const freshness = await screen.findByTestId("freshness");
  expect(freshness).toHaveTextContent("Syncing");
  expect(freshness).toHaveTextContent("still on their way into these figures");
});

test("a failure says what, why, what to do and the request id; Retry recovers", async () => {
  server.use(
    refuse("get", "/api/dashboard/overview", {
      status: 503,
      code: "store-unavailable",
      title: "The document store does not answer",
      detail: "Connection refused.",
      fix: "Start MongoDB.",
    }),
  );
  const { user } = renderApp("/overview");
  const alert = await screen.findByRole("alert");
  for (const text of ["does not answer", "Connection refused.", "Start MongoDB.", "Request req-7"]) {
    expect(alert).toHaveTextContent(text);
  }
  server.resetHandlers();
  await user.click(within(alert).getByRole("button", { name: "Retry" }));
  expect(await screen.findByRole("region", { name: "Open pipeline" })).toBeVisible();
});

test("an empty pipeline names the next action", async () => {
  server.use(answer.get("/api/dashboard/overview", anOverview({ pipeline_by_stage: [], activity: [] })));
  renderApp("/overview");
  expect(await screen.findByText("No open deals in your scope")).toBeVisible();
  expect(screen.getByRole("link", { name: "Go to the data lake" })).toHaveAttribute("href", "/data-lake");
});

test("an open activity past its day is marked overdue, a done one is not", async () => {
  const [call] = anOverview().activity;
  if (!call) throw new Error("the builder has an activity");
  const activity = [
    { ...call, id: "late", state: "open" as const, due: "2020-01-31" },
    { ...call, id: "done", state: "done" as const, due: "2020-01-31" },
  ];
  server.use(answer.get("/api/dashboard/overview", anOverview({ activity })));
  renderApp("/overview");
  expect(await screen.findByText("overdue since 31 Jan 2020")).toBeVisible();
  expect(screen.getAllByText(/31 Jan 2020/)).toHaveLength(1);
});
