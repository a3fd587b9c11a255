import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { aGeneration, aGenerationList, aReplay, aSet } from "@/testing/builders-generations";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const LIST = "/api/data-lake/generations";

/** Remembers the bodies that are posted to an address. */
function posted(path: string, body: object, status = 202) {
  const sent: unknown[] = [];
  server.use(
    http.post(`*${path}`, async ({ request }) => {
      const text = await request.text();
      sent.push(text ? JSON.parse(text) : null);
      return HttpResponse.json(body, { status });
    }),
  );
  return sent;
}

test("what is read, what it is built with, and where it stands", async () => {
  renderApp("/data-lake/generations");
  expect(await screen.findByTestId("active-generation")).toHaveTextContent("Generation 1");
  expect(screen.getByText(/There is nothing to go back to/)).toBeVisible();
  const row = within(screen.getByRole("table", { name: "All generations" })).getByRole("row", {
    name: /canonical\/1/,
  });
  expect(row).toHaveTextContent("Active");
  expect(row).toHaveTextContent("mapper:odoo 1");
  expect(row).toHaveTextContent("odoo-main/1/25431");
});

test("a replay under way shows how far it is, how fast, and how long it will take", async () => {
  const building = aReplay({
    state: "building",
    result: null,
    progress: { done: 10_000, total: 40_000, events_per_second: 1_500.4, eta_seconds: 20 },
  });
  server.use(answer.get(LIST, aGenerationList({ open_replays: [building] })));
  renderApp("/data-lake/generations");
  const bar = await screen.findByRole("progressbar", { name: "Progress of the replay" });
  expect(bar).toHaveAttribute("aria-valuenow", "25");
  expect(screen.getByTestId("replay-progress")).toHaveTextContent("10,000 of 40,000 events");
  expect(screen.getByTestId("replay-progress")).toHaveTextContent("1,500 events/s · 20 s left");
  expect(screen.getByText(/Asked for: Sofia Almeida/)).toBeVisible();
});

test("a replay is asked for as the form says", async () => {
  const sent = posted("/api/data-lake/replays", aReplay({ state: "requested" }));
  const { user } = renderApp("/data-lake/generations");
  await user.click(await screen.findByRole("button", { name: "Start the replay" }));
  await user.selectOptions(
    screen.getByLabelText("What to build again"),
    "Only the source odoo-main, from its raw log",
  );
  await user.click(screen.getByRole("button", { name: "Start the replay" }));
  await user.selectOptions(screen.getByLabelText("What to build again"), "dashboard_stats");
  await user.click(screen.getByRole("checkbox", { name: /Switch by itself/ }));
  await user.click(screen.getByRole("button", { name: "Start the replay" }));
  await expect
    .poll(() => sent)
    .toEqual([
      { kind: "raw", switch: false },
      { kind: "source", source: "odoo-main", switch: false },
      { kind: "projection", projection: "dashboard_stats", switch: true },
    ]);
});

test("a refused start says why", async () => {
  server.use(
    refuse("post", "/api/data-lake/replays", {
      status: 409,
      code: "replay-already-open",
      title: "Replay already asked for",
      fix: "Wait for it, switch to it, or cancel it.",
    }),
  );
  const { user } = renderApp("/data-lake/generations");
  await user.click(await screen.findByRole("button", { name: "Start the replay" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("Replay already asked for");
});

test("a verification is asked for, and its result told", async () => {
  const verified = aReplay({
    id: "v1",
    kind: "verify",
    state: "verified",
    finished_at: "2026-11-23T08:01:00Z",
  });
  const sent = posted("/api/data-lake/replays", aReplay({ kind: "verify", state: "requested" }));
  server.use(answer.get(LIST, aGenerationList({ last_verification: verified })));
  const { user } = renderApp("/data-lake/generations");
  expect(await screen.findByText("Equal: 0 differing")).toBeVisible();
  expect(screen.getByText(/21 collections compared/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Verify now" }));
  await expect.poll(() => sent).toEqual([{ kind: "verify" }]);
});

test("a verification that found differences leads to them", async () => {
  const differs = aReplay({
    id: "v1",
    kind: "verify",
    state: "verified",
    result: { gate: "shut", compared: 21, differing: 3, unexplained: 3 },
  });
  server.use(answer.get(LIST, aGenerationList({ last_verification: differs })));
  renderApp("/data-lake/generations");
  expect(await screen.findByText("3 documents differ")).toBeVisible();
  const link = screen.getByRole("link", { name: "Look at the differences" });
  expect(link).toHaveAttribute("href", "/data-lake/replays/v1");
});

test("going back asks first, names what was seen, and shows a refusal in place", async () => {
  const sent: unknown[] = [];
  let moved = false;
  server.use(
    answer.get(LIST, aGenerationList({ switch: { active: aSet(2), previous: aSet(1) } })),
    http.post("*/api/data-lake/generations/rollback", async ({ request }) => {
      sent.push(await request.json());
      if (!moved) {
        moved = true;
        return HttpResponse.json(
          { code: "switch-moved", title: "The switch has moved", detail: "Look again." },
          { status: 409 },
        );
      }
      return HttpResponse.json({ active: aSet(1), previous: aSet(2) });
    }),
  );
  const { user } = renderApp("/data-lake/generations");
  await user.click(await screen.findByRole("button", { name: "Roll back" }));
  const dialog = await screen.findByRole("dialog", { name: "Go back to generation 1?" });
  expect(sent).toEqual([]);
  await user.click(within(dialog).getByRole("button", { name: "Roll back" }));
  expect(await within(dialog).findByRole("alert")).toHaveTextContent("The switch has moved");
  await user.click(within(dialog).getByRole("button", { name: "Roll back" }));
  await expect.poll(() => screen.queryByRole("dialog")).toBeNull();
  expect(sent).toEqual([{ from: aSet(2) }, { from: aSet(2) }]);
});

test("giving the way back up names what is given up; Escape leaves everything as it is", async () => {
  const sent = posted("/api/data-lake/generations/drop-previous", { active: aSet(2), previous: null }, 200);
  server.use(answer.get(LIST, aGenerationList({ switch: { active: aSet(2), previous: aSet(1) } })));
  const { user } = renderApp("/data-lake/generations");
  await user.click(await screen.findByRole("button", { name: "Give it up" }));
  await screen.findByRole("dialog", { name: "Give up the way back?" });
  await user.keyboard("{Escape}");
  await expect.poll(() => screen.queryByRole("dialog")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Give it up" }));
  const dialog = await screen.findByRole("dialog");
  await user.click(within(dialog).getByRole("button", { name: "Give it up" }));
  await expect.poll(() => sent).toEqual([{ previous: aSet(1) }]);
});

test("a replay is cancelled after asking", async () => {
  const sent = posted("/api/data-lake/replays/r1/cancel", aReplay({ command: "cancel" }));
  server.use(answer.get(LIST, aGenerationList({ open_replays: [aReplay()] })));
  const { user } = renderApp("/data-lake/generations");
  await user.click(await screen.findByRole("button", { name: "Cancel the replay" }));
  const dialog = await screen.findByRole("dialog", { name: "Cancel this replay?" });
  await user.click(within(dialog).getByRole("button", { name: "Cancel the replay" }));
  await expect.poll(() => sent.length).toBe(1);
});

test("the history lists what came of each", async () => {
  const over = aReplay({
    state: "switched",
    finished_at: "2026-11-23T08:00:42Z",
    reason: "new_definition",
    requested_by: null,
  });
  server.use(answer.get("/api/data-lake/replays", { items: [over] }));
  renderApp("/data-lake/generations");
  const table = await screen.findByRole("table", { name: "Latest replays" });
  const row = within(table).getByRole("row", { name: /Replay of everything/ });
  expect(row).toHaveTextContent("Switched");
  expect(row).toHaveTextContent("42 s");
  expect(row).toHaveTextContent("The program or a mapping has changed");
});

test("who may only look is offered no command", async () => {
  server.use(
    answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read", "ops:read"] })),
    answer.get(
      LIST,
      aGenerationList({
        switch: { active: aSet(2), previous: aSet(1) },
        open_replays: [aReplay()],
        items: [aGeneration({ standing: "building" })],
      }),
    ),
  );
  renderApp("/data-lake/generations");
  expect(await screen.findByTestId("previous-generation")).toBeVisible();
  for (const name of ["Roll back", "Give it up", "Cancel the replay", "Start the replay", "Verify now"]) {
    expect(screen.queryByRole("button", { name })).not.toBeInTheDocument();
  }
});

test("a sales user is not shown the way here, and is refused at the address", async () => {
  server.use(
    answer.get("/api/auth/me", aSession({ permissions: ["data-lake:read"] })),
    refuse("get", LIST, { status: 403, code: "forbidden" }),
  );
  const { user } = renderApp("/data-lake/generations");
  expect(await screen.findByText("Your role does not allow this")).toBeVisible();
  await user.click(screen.getAllByRole("link", { name: "Data lake" })[0] as HTMLElement);
  expect(await screen.findByRole("heading", { level: 1, name: "Data lake" })).toBeVisible();
  expect(screen.queryByRole("link", { name: "Generations" })).not.toBeInTheDocument();
});
