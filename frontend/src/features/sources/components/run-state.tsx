/** How a run stands or ended, in a word. */
import {
  Ban,
  CircleAlert,
  CircleCheck,
  CirclePause,
  Hourglass,
  LoaderCircle,
  type LucideIcon,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Run } from "@/features/sources/api/sync";

const LOOK: Record<Run["state"], { tone: Tone; icon: LucideIcon }> = {
  queued: { tone: "neutral", icon: Hourglass },
  running: { tone: "busy", icon: LoaderCircle },
  succeeded: { tone: "ok", icon: CircleCheck },
  failed: { tone: "bad", icon: CircleAlert },
  cancelled: { tone: "neutral", icon: Ban },
  interrupted: { tone: "warn", icon: CirclePause },
};

export function RunStateBadge({ state }: { state: Run["state"] }) {
  const { t } = useTranslation();
  return (
    <Badge {...LOOK[state]} spin={state === "running"}>
      {t(`sources.runState.${state}`)}
    </Badge>
  );
}
