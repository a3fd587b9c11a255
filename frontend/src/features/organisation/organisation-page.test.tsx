import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { beforeEach, expect, test } from "vitest";
import type { Schemas } from "@/lib/api-client";
import { answer } from "@/testing/answer";
import { aSession } from "@/testing/builders";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const DAY = "2026-11-23";
const MONA = { id: "p1", name: "Mona" };
const ANA = { id: "p2", name: "Ana" };
const BOB = { id: "p3", name: "Bob" };

function aPerson(part: Partial<Schemas["OrgPerson"]>): Schemas["OrgPerson"] {
  const nobody = { manager: null, evidence: null, from: null, until: null };
  return { ...MONA, active: true, reports: 0, ...nobody, ...part };
}

const bob = aPerson({ ...BOB, manager: MONA, evidence: "manual", until: "2026-11-24" });

function aDelegation(part: Partial<Schemas["Delegation"]>): Schemas["Delegation"] {
  return {
    id: "d1",
    from: MONA,
    to: ANA,
    first: DAY,
    last: "2026-11-30",
    note: "On holiday",
    holds: true,
    given: false,
    received: false,
    may_withdraw: true,
    made_at: "2026-11-23T08:00:00Z",
    ...part,
  };
}

function anEdge(part: Partial<Schemas["DeclaredManager"]>): Schemas["DeclaredManager"] {
  return {
    id: "e1",
    person: BOB,
    manager: null,
    from: DAY,
    until: null,
    note: "Leaves",
    set_by: null,
    set_at: "2026-11-23T08:00:00Z",
    holds: true,
    ...part,
  };
}

function signedIn(...more: string[]) {
  server.use(answer.get("/api/auth/me", aSession({ permissions: ["dashboard:read", ...more] })));
}

beforeEach(() => {
  signedIn("org:delegate");
  server.use(
    answer.get("/api/org/tree", (request) => {
      const under = new URL(request.url).searchParams.get("under");
      const people = under === "p1" ? [bob] : [aPerson({ reports: 1 })];
      return { day: DAY, line: [], people, more: false };
    }),
    answer.get("/api/org/people", { people: [ANA] }),
    answer.get("/api/org/delegations", { day: DAY, longest: 90, delegations: [] }),
    answer.get("/api/org/edges", { day: DAY, edges: [], more: false, refused: [] }),
    answer.get("/api/org/people/{id}", {
      day: DAY,
      person: bob,
      line: [MONA],
      teams: [{ id: "t1", name: "Benelux" }],
      leads: [],
      claims: [
        { manager: MONA, evidence: "manual", team: null, from: null, until: "2026-11-24", standing: "holds" },
        { manager: ANA, evidence: "source", team: null, from: null, until: null, standing: "overridden" },
      ],
    }),
  );
});

test("the tree is opened a level at a time, and a place says why", async () => {
  const { user } = renderApp("/organisation");
  await user.click(await screen.findByRole("button", { name: "Show who reports to Mona" }));
  const below = await screen.findByRole("list", { name: "Reports to Mona" });
  expect(await within(below).findByText(/declared here, until/)).toBeVisible();
  await user.click(within(below).getByRole("button", { name: "Bob" }));
  const dialog = await screen.findByRole("dialog", { name: "Bob" });
  const rows = await within(dialog).findAllByRole("row");
  expect(rows[1]).toHaveTextContent(/Mona.*declared here.*Holds/);
  expect(rows[2]).toHaveTextContent(/Ana.*source.*Overridden/);
  expect(within(dialog).getByText("Benelux")).toBeVisible();
  expect(within(dialog).queryByRole("button", { name: "Set the manager" })).not.toBeInTheDocument();
});

test("a manager is declared, and what closes a circle says so in words", async () => {
  signedIn("org:manage");
  const sent: unknown[] = [];
  const circle = "On 2026-11-23, Ana reports to Bob: Bob cannot report to Ana.";
  server.use(
    http.post("*/api/org/edges", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(
        {
          title: "This would close a circle",
          status: 409,
          code: "closes-circle",
          detail: circle,
          request_id: "r",
        },
        { status: 409, headers: { "content-type": "application/problem+json" } },
      );
    }),
  );
  const { user } = renderApp("/organisation");
  await user.click(await screen.findByRole("button", { name: "Mona" }));
  await user.click(await screen.findByRole("button", { name: "Set the manager" }));
  const dialog = await screen.findByRole("dialog", { name: "Manager of Bob" });
  await user.type(within(dialog).getByLabelText("Manager"), "an");
  await user.click(await within(dialog).findByRole("radio", { name: "Ana" }));
  await user.type(within(dialog).getByLabelText("Last day"), "2026-12-01");
  await user.click(within(dialog).getByRole("button", { name: "Declare" }));
  expect(await within(dialog).findByText(circle)).toBeVisible();
  expect(sent).toEqual([{ person: "p3", manager: "p2", from: null, until: "2026-12-01", note: null }]);
});

test("a colleague is let in for some days, and both read it", async () => {
  const sent: unknown[] = [];
  server.use(
    answer.get("/api/org/delegations", {
      day: DAY,
      longest: 90,
      delegations: [
        aDelegation({ received: true }),
        aDelegation({ id: "d2", from: ANA, to: BOB, given: true }),
      ],
    }),
    http.post("*/api/org/delegations", async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(aDelegation({ given: true }), { status: 201 });
    }),
  );
  const { user } = renderApp("/organisation");
  const list = await screen.findByRole("list", { name: "Stand-ins" });
  expect(within(list).getByText(/You see Mona's records until/)).toBeVisible();
  expect(within(list).getByText(/Bob sees your records until/)).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Let somebody stand in" }));
  const dialog = await screen.findByRole("dialog", { name: "Let somebody stand in" });
  expect(within(dialog).queryByText("For somebody else")).not.toBeInTheDocument();
  await user.type(within(dialog).getByLabelText("Who stands in"), "an");
  await user.click(await within(dialog).findByRole("radio", { name: "Ana" }));
  await user.type(within(dialog).getByLabelText("Last day"), "2026-11-30");
  await user.click(within(dialog).getByRole("button", { name: "Let them" }));
  await expect
    .poll(() => sent)
    .toEqual([{ from: null, to: "p2", first: DAY, last: "2026-11-30", note: null }]);
});

test("it is withdrawn after asking", async () => {
  const gone: unknown[] = [];
  server.use(
    answer.get("/api/org/delegations", {
      day: DAY,
      longest: 90,
      delegations: [aDelegation({ given: true })],
    }),
    http.delete("*/api/org/delegations/:id", ({ params }) => {
      gone.push(params["id"]);
      return new HttpResponse(null, { status: 204 });
    }),
  );
  const { user } = renderApp("/organisation");
  await user.click(await screen.findByRole("button", { name: "Withdraw: Ana for Mona" }));
  const dialog = await screen.findByRole("dialog", { name: "Withdraw this stand-in?" });
  await user.click(within(dialog).getByRole("button", { name: "Withdraw" }));
  await expect.poll(() => gone).toEqual(["d1"]);
});

test("a circle among sources is told to whoever can mend it", async () => {
  signedIn("org:manage");
  server.use(
    answer.get("/api/org/edges", {
      day: DAY,
      edges: [
        anEdge({}),
        anEdge({ id: "e2", person: ANA, manager: MONA, from: null, until: "2026-11-22", holds: false }),
        anEdge({ id: "e3", person: MONA, from: "2026-11-24", holds: false }),
      ],
      more: false,
      refused: [{ person: MONA, manager: ANA, evidence: "source", line: [ANA, MONA] }],
    }),
  );
  renderApp("/organisation");
  expect(await screen.findByText("Mona would report to Ana (source), but: Ana → Mona")).toBeVisible();
  const declared = await screen.findByRole("table", { name: "Declared managers" });
  const rows = within(declared).getAllByRole("row");
  expect(rows[1]).toHaveTextContent(/Bob.*Nobody.*from.*Now.*Leaves.*Command line/);
  expect(rows[2]).toHaveTextContent(/Ana.*Mona.*until.*Over/);
  expect(rows[3]).toHaveTextContent(/Mona.*Nobody.*Not yet/);
});
