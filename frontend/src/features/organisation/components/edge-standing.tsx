/** Whether a declared manager decides today, and if not, why. */
import { ArrowDownToLine, CalendarCheck, CalendarClock, CircleCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import type { DeclaredManager } from "@/features/organisation/api/organisation";

const LOOK = {
  holds: { tone: "ok", icon: CircleCheck },
  over: { tone: "neutral", icon: CalendarCheck },
  notYet: { tone: "neutral", icon: CalendarClock },
  overridden: { tone: "warn", icon: ArrowDownToLine },
} as const;

export function EdgeStanding({ edge, today }: { edge: DeclaredManager; today: string }) {
  const { t } = useTranslation();
  const standing = standingOf(edge, today);
  return <Badge {...LOOK[standing]}>{t(`org.${standing}`)}</Badge>;
}

/** Days are ISO dates: their order is that of their letters. */
function standingOf({ holds, from, until }: DeclaredManager, today: string): keyof typeof LOOK {
  if (holds) return "holds";
  if (until && until < today) return "over";
  return from && from > today ? "notYet" : "overridden";
}
