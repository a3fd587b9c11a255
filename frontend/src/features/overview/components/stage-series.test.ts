import { describe, expect, it } from "vitest";
import { withSource } from "@/features/overview/components/stage-series";

const stage = (name: string, source: string | null) => ({
  stage_id: `${name}-${source}`,
  name,
  source,
  order: 1,
  count: 1,
  unvalued: 0,
  amounts: [],
  weighted: [],
});

describe("withSource", () => {
  it("leaves names alone while there is one source", () => {
    const stages = [stage("New", "odoo"), stage("Won", "odoo")];
    expect(withSource(stages)).toBe(stages);
  });

  it("says whose a stage is when two sources have stages", () => {
    const names = withSource([stage("New", "odoo"), stage("New", "odoo14"), stage("No stage", null)]).map(
      (s) => s.name,
    );
    expect(names).toEqual(["New · odoo", "New · odoo14", "No stage"]);
  });
});
