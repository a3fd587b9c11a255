/** How fresh the figures are, per source: state, age, and whether everything read has reached them. */
import {
  CheckCheck,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  Clock,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Schemas } from "@/lib/api-client";
import { ago, clock, preciseTime, secondsSince } from "@/lib/format";
import { useNow } from "@/lib/use-now";

type Source = Schemas["SourceFreshness"];
type State = Source["state"];

const LOOK: Record<State, { tone: Tone; icon: LucideIcon }> = {
  never_run: { tone: "neutral", icon: CircleDashed },
  ok: { tone: "ok", icon: CircleCheck },
  running: { tone: "busy", icon: LoaderCircle },
  failing: { tone: "bad", icon: CircleAlert },
  stale: { tone: "warn", icon: Clock },
};

export function SourceStateBadge({ state }: { state: State }) {
  const { t } = useTranslation();
  return (
    <Badge {...LOOK[state]} spin={state === "running"}>
      {t(`freshness.state.${state}`)}
    </Badge>
  );
}

export function Freshness({ meta }: { meta: Schemas["Meta"] }) {
  const { t } = useTranslation();
  return (
    <section
      aria-label={t("freshness.title")}
      data-testid="freshness"
      className="flex flex-wrap items-center gap-x-5 gap-y-1.5 text-[0.8125rem] text-ink-2"
    >
      <span className="num" title={preciseTime(meta.as_of)}>
        {t("freshness.asOf", { time: clock(meta.as_of) })}
      </span>
      {meta.sources.length === 0 && <span>{t("freshness.none")}</span>}
      {meta.sources.map((source) => (
        <SourceLine key={source.name} source={source} />
      ))}
    </section>
  );
}

function SourceLine({ source }: { source: Source }) {
  const { t } = useTranslation();
  const now = useNow(10_000);
  const at = source.last_complete_sync;
  const age = at ? t("freshness.synced", { age: ago(secondsSince(at, now)) }) : t("freshness.never");
  return (
    <span
      className="flex flex-wrap items-center gap-x-2 gap-y-1"
      data-source={source.name}
      data-state={source.state}
      data-projected={source.projected}
    >
      <SourceStateBadge state={source.state} />
      <span className="font-medium text-ink">{source.title}</span>
      <span title={preciseTime(at)}>{age}</span>
      <span className="flex items-center gap-1">
        {source.projected ? (
          <CheckCheck aria-hidden className="size-3.5 text-ok" />
        ) : (
          <Hourglass aria-hidden className="size-3.5 text-busy" />
        )}
        {t(source.projected ? "freshness.projected" : "freshness.notProjected")}
      </span>
    </span>
  );
}
