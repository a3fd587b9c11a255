/** What became of a reject, in a word. */
import { CircleCheck, CircleSlash, type LucideIcon, ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge, type Tone } from "@/components/ui/badge";
import type { RejectState } from "@/features/operations/api/quarantine";

const LOOK: Record<RejectState, { tone: Tone; icon: LucideIcon }> = {
  open: { tone: "warn", icon: ShieldAlert },
  superseded: { tone: "ok", icon: CircleCheck },
  waived: { tone: "neutral", icon: CircleSlash },
};

export function RejectBadge({ state }: { state: RejectState }) {
  const { t } = useTranslation();
  return <Badge {...LOOK[state]}>{t(`quarantine.state.${state}`)}</Badge>;
}
