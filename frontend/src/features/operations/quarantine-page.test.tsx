import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aQuarantinePage, aReject, aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

test("nothing held back says so", async () => {
  server.use(answer.get("/api/data-lake/quarantine", aQuarantinePage({ items: [], counts: [] })));
  renderApp("/data-lake/quarantine");
  expect(await screen.findByText("Nothing is held back")).toBeVisible();
});

test("filters are in the address, and are what is asked for", async () => {
  const asked: string[] = [];
  server.use(
    answer.get("/api/data-lake/quarantine", (request) => {
      asked.push(new URL(request.url).search);
      return aQuarantinePage();
    }),
  );
  const { user, address } = renderApp("/data-lake/quarantine");
  await user.click(await screen.findByRole("link", { name: "wrong_type 1" }));
  await user.click(screen.getByRole("radio", { name: "Waived" }));
  await user.selectOptions(
    screen.getByLabelText("Source"),
    await screen.findByRole("option", { name: "odoo-main" }),
  );
  await expect.poll(address).toBe("/data-lake/quarantine?state=waived&source=odoo-main&reason=wrong_type");
  await expect.poll(() => asked.at(-1)).toBe("?state=waived&source=odoo-main&reason=wrong_type&limit=50");
});

test("a filter that finds nothing can be cleared", async () => {
  server.use(answer.get("/api/data-lake/quarantine", aQuarantinePage({ items: [], counts: [] })));
  const { user, address } = renderApp("/data-lake/quarantine?reason=no_mapping");
  await user.click(await screen.findByRole("link", { name: "Clear the filters" }));
  expect(address()).toBe("/data-lake/quarantine");
});

test("an event is shown as it stands in the log, read again, and its outcome told", async () => {
  server.use(
    answer.get("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", {
      reject: aReject(),
      event: { content_type: "application/json", envelope: { object: "crm.lead" } as never, bytes: null },
    }),
    answer.post("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}/retry", {
      outcome: "rejected",
      reject: aReject(),
    }),
  );
  const { user } = renderApp("/data-lake/quarantine");
  const table = await screen.findByRole("table", { name: "Rejected raw events" });
  await user.click(within(table).getByRole("link", { name: "odoo-main/1/17" }));
  expect(await screen.findByTestId("raw-event")).toHaveTextContent('"object": "crm.lead"');
  await user.click(screen.getByRole("button", { name: "Read it again" }));
  expect(await screen.findByText(/still rejected/)).toBeVisible();
});

test("an event that is not there says why", async () => {
  server.use(
    answer.get("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", {
      reject: aReject(),
      event: null,
      event_missing: "archive_damaged",
    }),
  );
  renderApp("/data-lake/quarantine/odoo-main/1/17");
  expect(await screen.findByText(/archive of its epoch is damaged/)).toBeVisible();
});

test("an event is left out only with a reason, and that reason is sent", async () => {
  const sent: unknown[] = [];
  server.use(
    http.post("*/api/data-lake/quarantine/odoo-main/1/17/waive", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json({ outcome: "waived", reject: aReject({ state: "waived" }) });
    }),
  );
  const { user } = renderApp("/data-lake/quarantine/odoo-main/1/17");
  await user.click(await screen.findByRole("button", { name: "Leave it out" }));
  expect(sent).toEqual([]);
  await user.type(screen.getByLabelText("Reason to leave it out"), " A test record ");
  await user.click(screen.getByRole("button", { name: "Leave it out" }));
  expect(await screen.findByText("Waived: the event is left out.")).toBeVisible();
  expect(sent).toEqual([{ reason: "A test record" }]);
});

test("who may only look is offered no decision", async () => {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "ops:read"] })));
  renderApp("/data-lake/quarantine/odoo-main/1/17");
  expect(await screen.findByText("Why it was rejected")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Read it again" })).not.toBeInTheDocument();
});

test("a sales user is not shown the way here, and is refused at the address", async () => {
  server.use(
    answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read"] })),
    refuse("get", "/api/data-lake/quarantine", { status: 403, code: "forbidden" }),
    refuse("get", "/api/data-lake/epochs", { status: 403, code: "forbidden" }),
  );
  renderApp("/data-lake/quarantine");
  expect(await screen.findByText("Your role does not allow this")).toBeVisible();
});

test("operators see the epochs on the data lake, others do not", async () => {
  renderApp("/data-lake");
  const table = await screen.findByRole("table", { name: "Epochs of the raw logs" });
  expect(within(table).getByRole("row", { name: /odoo-main\/1/ })).toHaveTextContent("25,431");
});
