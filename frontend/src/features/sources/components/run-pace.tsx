/** How fast an object is read, when that ends, and what holds it up. */
import { useTranslation } from "react-i18next";
import type { Schemas } from "@/lib/api-client";
import { integer, seconds } from "@/lib/format";

export function RunPace({ object }: { object: Schemas["RunObject"] }) {
  const { t } = useTranslation();
  const { state, phase, per_second: pace, seconds_left: left, rate_limits: limits } = object;
  if (state !== "running") return null;
  const parts = [
    phase !== "reading" && t(`sources.phase.${phase}`),
    pace != null && t("sources.pace", { n: pace < 10 ? pace.toFixed(1) : integer(Math.round(pace)) }),
    left != null && t("sources.left", { time: seconds(left) }),
    limits > 0 && t("sources.rateLimits", { count: limits }),
  ].filter(Boolean);
  if (parts.length === 0) return null;
  return <p className="num mt-1 text-ink-2 text-xs">{parts.join(" · ")}</p>;
}
