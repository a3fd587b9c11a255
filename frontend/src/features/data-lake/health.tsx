/** Health of the parts. One line while all is well; each trouble with its fix otherwise. */
import { useQuery } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, type LucideIcon, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { Badge, type Tone } from "@/components/ui/badge";
import { type LakeHealth, lakeHealthQuery } from "@/features/data-lake/api/get-lake";
import { integer } from "@/lib/format";

type Check = LakeHealth["checks"][number];

const LOOK: Record<Check["status"], { tone: Tone; icon: LucideIcon }> = {
  ok: { tone: "ok", icon: CircleCheck },
  degraded: { tone: "warn", icon: TriangleAlert },
  down: { tone: "bad", icon: CircleAlert },
};

export function Health() {
  const query = useQuery(lakeHealthQuery);
  return (
    <QueryPanel query={query} skeleton={<Bones rows={1} className="h-10" />}>
      {(health) => <HealthList health={health} />}
    </QueryPanel>
  );
}

function HealthList({ health }: { health: LakeHealth }) {
  const { t } = useTranslation();
  const n = health.checks.length;
  const bad = health.checks.filter((check) => check.status !== "ok").length;
  return (
    <details
      data-testid="health"
      data-status={health.status}
      open={health.status !== "ok"}
      className="rounded-card border border-line bg-surface"
    >
      <summary className="flex cursor-pointer flex-wrap items-center gap-x-3 gap-y-1 rounded-card px-4 py-2.5">
        <h2 className="font-semibold text-sm">{t("lake.health")}</h2>
        <Badge {...LOOK[health.status]}>{t(`lake.healthStatus.${health.status}`)}</Badge>
        <span className="text-[0.8125rem] text-ink-2">
          {bad > 0
            ? t("lake.healthBad", { bad: integer(bad), n: integer(n) })
            : t("lake.healthOk", { count: n, n: integer(n) })}
        </span>
      </summary>
      <ul className="grid gap-x-8 border-line border-t px-4 py-2 sm:grid-cols-2">
        {health.checks.map((check) => (
          <CheckLine key={check.name} check={check} />
        ))}
      </ul>
    </details>
  );
}

function CheckLine({ check }: { check: Check }) {
  const { t } = useTranslation();
  return (
    <li className="flex items-start justify-between gap-3 py-1.5 text-[0.8125rem]">
      <div className="min-w-0">
        <p className="font-medium">{check.name}</p>
        <p className="break-words text-ink-2 text-xs">{check.detail}</p>
        {check.fix && <p className="text-xs">{check.fix}</p>}
      </div>
      <Badge {...LOOK[check.status]}>{t(`lake.healthStatus.${check.status}`)}</Badge>
    </li>
  );
}
