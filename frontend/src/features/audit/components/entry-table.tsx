/** Entries, one line each. Whoever acted, and what on, leads to their other entries. */
import { Link } from "@tanstack/react-router";
import { Ban, CircleCheck, CircleHelp, TriangleAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { ScrollRegion } from "@/components/ui/scroll-region";
import { RowHead, Table, Td, Th } from "@/components/ui/table";
import type { AuditEntry, AuditSearch } from "@/features/audit/api/audit";
import { dateTime, preciseTime } from "@/lib/format";

interface EntryTableProps {
  entries: AuditEntry[];
  /** What is asked for. */
  search: AuditSearch;
}

export function EntryTable({ entries, search }: EntryTableProps) {
  const { t } = useTranslation();
  if (entries.length === 0) return <p className="px-4 py-6 text-ink-2">{t("audit.nothing")}</p>;
  return (
    <ScrollRegion label={t("audit.entries")}>
      <Table
        caption={t("audit.entries")}
        head={
          <>
            <Th>{t("audit.what")}</Th>
            <Th>{t("audit.who")}</Th>
            <Th>{t("audit.on")}</Th>
            <Th>{t("audit.outcome")}</Th>
            <Th>{t("audit.details")}</Th>
            <Th>{t("audit.address")}</Th>
            <Th>{t("audit.at")}</Th>
            <Th figure>{t("audit.position")}</Th>
          </>
        }
      >
        {entries.map((entry) => (
          <tr key={entry.position}>
            <RowHead className="whitespace-nowrap">{entry.action}</RowHead>
            <Td>
              <Link to="/audit" search={{ ...search, actor: entry.actor.id }} className="hover:underline">
                {entry.actor.name ?? entry.actor.id}
              </Link>
            </Td>
            <Td>
              {entry.target && (
                <Link to="/audit" search={{ ...search, target: entry.target.id }} className="hover:underline">
                  {entry.target.name ?? `${entry.target.kind} ${entry.target.id}`}
                </Link>
              )}
            </Td>
            <Td>
              <Outcome outcome={entry.outcome} />
            </Td>
            <Td className="text-ink-2">{particulars(entry)}</Td>
            <Td className="whitespace-nowrap text-ink-2" title={entry.request ?? undefined}>
              {entry.address}
            </Td>
            <Td className="whitespace-nowrap text-ink-2" title={preciseTime(entry.at)}>
              {dateTime(entry.at)}
            </Td>
            <Td figure>{entry.position}</Td>
          </tr>
        ))}
      </Table>
    </ScrollRegion>
  );
}

const OUTCOMES = {
  done: { tone: "ok", icon: CircleCheck },
  refused: { tone: "warn", icon: Ban },
  failed: { tone: "bad", icon: TriangleAlert },
  unknown: { tone: "neutral", icon: CircleHelp },
} as const;

const isKnown = (outcome: string): outcome is keyof typeof OUTCOMES => outcome in OUTCOMES;

function Outcome({ outcome }: { outcome: string }) {
  const { t } = useTranslation();
  if (!isKnown(outcome)) return outcome;
  return <Badge {...OUTCOMES[outcome]}>{t(`audit.outcomes.${outcome}`)}</Badge>;
}

/** Particulars in a line: they are words of the log, the same for everybody. */
function particulars({ details }: AuditEntry): string {
  const told = ([key, value]: [string, unknown]) => {
    if (value === true) return key;
    return `${key}: ${Array.isArray(value) ? value.join(", ") : String(value)}`;
  };
  return Object.entries(details).map(told).join("; ");
}
