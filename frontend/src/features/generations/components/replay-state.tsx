/** A replay in words: how far it is, what it replays, who asked. */
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleSlash,
  LoaderCircle,
  type LucideIcon,
  PauseCircle,
  Scale,
  ShieldCheck,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Replay } from "@/features/generations/api/generations";

const LOOK: Record<Replay["state"], { tone: Tone; icon: LucideIcon }> = {
  requested: { tone: "neutral", icon: CircleDashed },
  building: { tone: "busy", icon: LoaderCircle },
  comparing: { tone: "busy", icon: Scale },
  ready: { tone: "warn", icon: PauseCircle },
  switched: { tone: "ok", icon: CircleCheck },
  verified: { tone: "ok", icon: ShieldCheck },
  cancelled: { tone: "neutral", icon: CircleSlash },
  failed: { tone: "bad", icon: CircleAlert },
};

export function ReplayBadge({ state }: { state: Replay["state"] }) {
  const { t } = useTranslation();
  return (
    <Badge {...LOOK[state]} spin={state === "building"}>
      {t(`replay.state.${state}`)}
    </Badge>
  );
}

/** "Rebuild of dashboard_stats". */
export function useReplayTitle() {
  const { t } = useTranslation();
  return ({ kind, source, projection }: Replay) =>
    t(`replay.kind.${kind}`, { source: source ?? "", projection: projection ?? "" });
}

/** Who asked, or what made the program ask by itself. */
export function useAskedBy() {
  const { t } = useTranslation();
  return ({ requested_by, reason }: Replay) => requested_by ?? t(`replay.reason.${reason}`);
}
