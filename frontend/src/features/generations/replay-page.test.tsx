import { screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { answer, refuse } from "@/testing/answer";
import { usd } from "@/testing/builders";
import { aDifference, aReplay, aReplayDetail } from "@/testing/builders-generations";
import { renderApp } from "@/testing/render-app";
import { server } from "@/testing/server";

const PATH = "/api/data-lake/replays/{replay}";

function posted(path: string) {
  const sent: unknown[] = [];
  server.use(
    http.post(`*${path}`, async ({ request }) => {
      sent.push(await request.json());
      return HttpResponse.json(aReplay({ command: "switch" }), { status: 202 });
    }),
  );
  return sent;
}

test("equal generations say so, and are switched to after asking", async () => {
  const sent = posted("/api/data-lake/replays/r1/switch");
  const { user } = renderApp("/data-lake/replays/r1");
  expect(await screen.findByText("Both generations are equal, document by document.")).toBeVisible();
  expect(screen.getByTestId("gate")).toHaveAttribute("data-gate", "open");
  expect(screen.getByTestId("no-difference")).toBeVisible();
  expect(screen.getByText("21 of 21 compared collections are equal.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Switch" }));
  const dialog = await screen.findByRole("dialog", { name: "Switch to what was built?" });
  expect(sent).toEqual([]);
  await user.click(within(dialog).getByRole("button", { name: "Switch" }));
  await expect.poll(() => sent).toEqual([{}]);
});

test("what differs is counted, in documents and in money, and shown by samples", async () => {
  server.use(
    answer.get(
      PATH,
      aReplayDetail(
        { result: { gate: "shut", compared: 21, differing: 1, unexplained: 1 } },
        {
          changed_definition: ["mapper:odoo"],
          collections: [aDifference()],
          money: [{ before: usd(100_00), after: usd(100_01) }],
        },
      ),
    ),
  );
  renderApp("/data-lake/replays/r1");
  const documents = await screen.findByRole("table", { name: "Documents" });
  expect(
    within(documents).getByRole("row", { name: /canonical_opportunities 412 412 1 0 0 1/ }),
  ).toBeVisible();
  const money = screen.getByRole("table", { name: "Money" });
  expect(within(money).getByRole("row", { name: /USD/ })).toHaveTextContent("USD0.01");
  expect(screen.getByText("/body/amount/minor")).toBeVisible();
  expect(screen.getByText("Nothing explains it")).toBeVisible();
  expect(screen.getByRole("link", { name: "o1" })).toHaveAttribute(
    "href",
    "/data-lake/lineage/opportunities/o1",
  );
  expect(screen.getByText("mapper:odoo")).toBeVisible();
});

test("a shut gate is passed only with a reason, and that reason is sent", async () => {
  server.use(
    answer.get(
      PATH,
      aReplayDetail(
        { result: { gate: "shut", compared: 21, differing: 1, unexplained: 1 } },
        { collections: [aDifference()] },
      ),
    ),
  );
  const sent = posted("/api/data-lake/replays/r1/switch");
  const { user } = renderApp("/data-lake/replays/r1");
  await user.click(await screen.findByRole("button", { name: "Switch anyway" }));
  const dialog = await screen.findByRole("dialog");
  await user.click(within(dialog).getByRole("button", { name: "Switch anyway" }));
  expect(sent).toEqual([]);
  await user.type(within(dialog).getByLabelText("Reason to accept it"), " A cent, known ");
  await user.click(within(dialog).getByRole("button", { name: "Switch anyway" }));
  await expect.poll(() => sent).toEqual([{ accept_unexplained: "A cent, known" }]);
});

test("explained differences say what explains them", async () => {
  server.use(
    answer.get(
      PATH,
      aReplayDetail(
        { result: { gate: "open", compared: 21, differing: 1, unexplained: 0 } },
        {
          changed_definition: ["merge"],
          collections: [
            aDifference({
              collection: "serving_directory",
              unexplained: 0,
              samples: [
                { id: "d1", fields: [], only_before: false, only_after: true, explained_by: ["merge"] },
              ],
            }),
          ],
        },
      ),
    ),
  );
  renderApp("/data-lake/replays/r1");
  expect(await screen.findByText(/a changed definition explains every one/)).toBeVisible();
  expect(screen.getByText("Explained by merge")).toBeVisible();
  expect(screen.getByText("Only in what was built")).toBeVisible();
  expect(screen.queryByRole("link", { name: "d1" })).not.toBeInTheDocument();
});

test("one that failed says why and offers nothing", async () => {
  server.use(
    answer.get(PATH, {
      replay: aReplay({ state: "failed", result: null, error: "the mapper cannot be loaded" }),
      comparison: null,
    }),
  );
  renderApp("/data-lake/replays/r1");
  expect(await screen.findByText("the mapper cannot be loaded")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Cancel the replay" })).not.toBeInTheDocument();
});

test("who accepted what nothing explained is told", async () => {
  server.use(
    answer.get(
      PATH,
      aReplayDetail({ state: "switched", accepted_because: "known", commanded_by: "Sofia Almeida" }),
    ),
  );
  renderApp("/data-lake/replays/r1");
  expect(await screen.findByText(/Accepted by Sofia Almeida because:/)).toHaveTextContent("known");
  expect(screen.queryByRole("button", { name: "Switch" })).not.toBeInTheDocument();
});

test("an unknown replay is told in words", async () => {
  server.use(refuse("get", PATH, { status: 404, code: "replay-unknown", title: "Unknown replay" }));
  renderApp("/data-lake/replays/nothing");
  expect(await screen.findByText("Unknown replay")).toBeVisible();
});
