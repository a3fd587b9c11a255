/** The mock server: answers every call of the contract with the builders' defaults; tests override what their story is about. */
import { setupServer } from "msw/node";
import { answer } from "@/testing/answer";
import {
  aHealth,
  aMeta,
  anEntityPage,
  anEpoch,
  anOverview,
  aQuarantinePage,
  aReject,
  aSession,
  aSource,
  aStats,
} from "@/testing/builders";

import { aDeal, aGenerationList, aHistory, aLineage, aReplayDetail } from "@/testing/builders-generations";

export const server = setupServer(
  answer.get("/api/meta", {
    product: "SalesCommand",
    version: "0.1.0",
    demo: true,
    sign_in_providers: [],
    mails_links: false,
    demo_accounts: [{ role_label: "Super Admin", email: "superadmin@salescommand.com", password: "demo123" }],
  }),
  answer.get("/api/auth/me", aSession()),
  answer.post("/api/auth/login", aSession()),
  answer.get("/api/dashboard/overview", anOverview()),
  answer.get("/api/data-lake/health", aHealth()),
  answer.get("/api/data-lake/stats", aStats({ meta: aMeta() })),
  answer.get("/api/data-lake/entities/{type}", anEntityPage()),
  answer.get("/api/data-lake/epochs", { items: [anEpoch()] }),
  answer.get("/api/data-lake/quarantine", aQuarantinePage()),
  answer.get("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", { reject: aReject(), event: null }),
  answer.get("/api/data-lake/generations", aGenerationList()),
  answer.get("/api/data-lake/replays", { items: [] }),
  answer.get("/api/data-lake/replays/{replay}", aReplayDetail()),
  answer.get("/api/data-lake/lineage/{entity}/{id}", aLineage()),
  answer.get("/api/opportunities/{id}", {
    meta: aMeta(),
    opportunity: aDeal(),
    merged_from: [],
    write: null,
  }),
  answer.get("/api/opportunities/{id}/history", aHistory()),
  answer.get("/api/sync/status", { sources: [aSource()] }),
  answer.get("/api/sync/history", { runs: [] }),
);
