import { screen, waitFor, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { anObject, aRun, aSession, aSource, aStats } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const syncNow = { name: "Sync now: Odoo main" };

test("Sync now shows the progress of each object, then the outcome", async () => {
  let step = 0;
  server.use(
    http.post("*/api/sync/trigger", async ({ request }) => {
      expect(await request.json()).toEqual({ source: "odoo-main" });
      step = 1;
      return HttpResponse.json({ run_id: "r2", source: "odoo-main" }, { status: 202 });
    }),
    answer.get("/api/sync/status", () => {
      if (step === 0) return { sources: [aSource()] };
      step += 1;
      if (step > 3) return { sources: [aSource({ last: aRun({ run_id: "r2", published: 9 }) })] };
      const current = aRun({ run_id: "r2", state: "running", finished_at: null, objects: [anObject()] });
      return { sources: [aSource({ state: "running", current })] };
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  const bar = await screen.findByRole("progressbar", { name: "crm.lead: 50 of 200 read" });
  expect(bar).toHaveAttribute("aria-valuenow", "25");
  expect(screen.getByRole("button", { name: "Syncing" })).toHaveAttribute("aria-disabled", "true");
  await waitFor(() => expect(screen.queryByRole("progressbar")).not.toBeInTheDocument(), { timeout: 5_000 });
  expect(screen.getByTestId("sync-announcer")).toHaveTextContent(
    "Sync of Odoo main finished: 9 new or changed.",
  );
});

test("who may not trigger sees the source and no button", async () => {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "sync:read"] })));
  renderApp("/data-lake");
  expect(await screen.findByRole("heading", { name: /Odoo main/ })).toBeVisible();
  expect(screen.queryByRole("button", syncNow)).not.toBeInTheDocument();
});

test("the last failure stays visible with what to do about it", async () => {
  const error = { code: "source-auth", message: "Odoo refused the login.", fix: "Check the password." };
  const last = aRun({ state: "failed", error });
  server.use(answer.get("/api/sync/status", { sources: [aSource({ state: "failing", last })] }));
  renderApp("/data-lake");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("Odoo refused the login.");
  expect(alert).toHaveTextContent("What to do: Check the password.");
});

test("someone else's sync is not an error", async () => {
  let asked = false;
  server.use(
    http.post("*/api/sync/trigger", () => {
      asked = true;
      return HttpResponse.json({ code: "sync-already-running", status: 409, title: "x" }, { status: 409 });
    }),
    answer.get("/api/sync/status", () => ({
      sources: [aSource({ current: asked ? aRun({ state: "running", objects: [anObject()] }) : null })],
    })),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  expect(await screen.findByText(/already under way; this is it/)).toBeVisible();
});

test("a refused trigger is shown beside the button", async () => {
  server.use(
    refuse("post", "/api/sync/trigger", {
      status: 503,
      code: "broker-unavailable",
      title: "The broker is down",
      fix: "Start NATS.",
    }),
  );
  const { user } = renderApp("/data-lake");
  await user.click(await screen.findByRole("button", syncNow));
  expect(await screen.findByRole("alert")).toHaveTextContent("The broker is down · Start NATS.");
});

test("the zones show counts, what waits between them and what is held back", async () => {
  renderApp("/data-lake");
  const raw = await screen.findByRole("region", { name: "Raw" });
  expect(raw).toHaveTextContent("25,431events");
  expect(raw).toHaveTextContent("38.2 MB");
  const canonical = screen.getByRole("region", { name: "Canonical" });
  expect(canonical).toHaveTextContent("2 records held back");
  expect(within(canonical).getByRole("link", { name: "Accounts" })).toHaveAttribute(
    "href",
    "/data-lake/entities?type=accounts",
  );
  expect(screen.getByText("Between Raw and Canonical:", { exact: false }).parentElement).toHaveTextContent(
    "Caught up",
  );
});

test("a sync started from the palette is refused where the source is shown", async () => {
  server.use(
    refuse("post", "/api/sync/trigger", {
      status: 503,
      code: "broker-unavailable",
      title: "The broker is down",
    }),
  );
  const { user } = renderApp("/overview");
  await screen.findByRole("region", { name: "Open pipeline" });
  await user.keyboard("{Control>}k{/Control}");
  await user.type(await screen.findByRole("combobox", { name: "Search commands" }), "sync odoo");
  await user.keyboard("{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("The broker is down");
});

test("what canonical changed and no projection has read yet is shown between the two", async () => {
  const { canonical, serving } = aStats();
  server.use(
    answer.get(
      "/api/data-lake/stats",
      aStats({
        canonical: { ...canonical, pending: 30 },
        serving: serving.map((p) => ({ ...p, pending: 12 })),
      }),
    ),
  );
  renderApp("/data-lake");
  const lag = await screen.findByText("Between Canonical and Serving:", { exact: false });
  expect(lag.parentElement).toHaveTextContent("42 waiting");
});
