/** Turns the stages into one chart's worth of bars per currency. A stage without that currency keeps its place with an empty bar. */
import type { StageBar } from "@/components/charts/stage-chart";
import type { Overview } from "@/features/overview/api/get-overview";
import type { Money } from "@/lib/format";

type Stages = Overview["pipeline_by_stage"];

/** Two sources may each have a stage called New: then every name says whose it is. */
export function withSource(stages: Stages): Stages {
  const sources = new Set(stages.map((stage) => stage.source));
  if (sources.size < 2) return stages;
  return stages.map((stage) =>
    stage.source ? { ...stage, name: `${stage.name} · ${stage.source}` } : stage,
  );
}

export function currenciesOf(stages: Stages): string[] {
  return [...new Set(stages.flatMap((stage) => stage.amounts.map((amount) => amount.currency)))].sort();
}

export function amountIn(amounts: Money[], currency: string): Money | undefined {
  return amounts.find((amount) => amount.currency === currency);
}

export function chartsByCurrency(stages: Stages): { currency: string; bars: StageBar[] }[] {
  const ordered = stages.toSorted((a, b) => a.order - b.order);
  return currenciesOf(stages).map((currency) => ({
    currency,
    bars: ordered.map((stage) => ({
      id: stage.stage_id,
      name: stage.name,
      amount: amountIn(stage.amounts, currency),
      weighted: amountIn(stage.weighted, currency),
    })),
  }));
}
