/** Whose figures these are: all, the reader's team with its size, or the reader's own. */
import { Building2, User, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { Overview } from "@/features/overview/api/get-overview";
import { integer } from "@/lib/format";

type Scope = Overview["scope"];

const ICONS = { all: Building2, team: Users, own: User };

export function ScopeLabel({ scope }: { scope: Scope }) {
  const { t } = useTranslation();
  const Icon = ICONS[scope.kind];
  // The server's label may name the size already ("Your team · 4 people").
  const counted = scope.kind === "team" && !/\d/.test(scope.label);
  const people = counted ? ` · ${t("scope.people", { count: scope.people, n: integer(scope.people) })}` : "";
  return (
    <span className="inline-flex items-center gap-1.5" data-testid="scope" data-scope={scope.kind}>
      <Icon aria-hidden className="size-3.5 text-ink-3" />
      {scope.label}
      {people}
    </span>
  );
}
