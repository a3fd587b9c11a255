/** A value in a deal's history, in words: stages and people by name, statuses as far as they are certain. */
import { useTranslation } from "react-i18next";
import { day, integer, NO_VALUE, percent } from "@/lib/format";

interface HistoryValueProps {
  field: string;
  value: unknown;
  /** What stages, teams and people are called, by id. */
  names: Record<string, string>;
}

export function HistoryValue({ field, value, names }: HistoryValueProps) {
  const { t } = useTranslation();
  if (value == null) return <span className="text-ink-2">{NO_VALUE}</span>;
  const word = wordOf(value);
  if (word) return t(`historyStatus.${word}`);
  if (typeof value === "object") return <span className="text-ink-2">{t("dealHistory.cleared")}</span>;
  const text = String(value);
  if (field === "probability") return percent(Number(text) / 1_000_000);
  if (field === "close_date") return day(text);
  if (field === "amount") return <span className="num">{amountText(text)}</span>;
  return names[text] ?? <span className="font-mono text-xs">{text}</span>;
}

const WORDS = ["open", "won", "lost", "archived", "lost_or_archived", "lead", "opportunity"] as const;

/** The word of a kind or status. One that the stage decides is told by what it is elsewhere; one of two as that. */
function wordOf(value: unknown): (typeof WORDS)[number] | undefined {
  if (typeof value !== "object" || value === null) return WORDS.find((word) => word === value);
  if ("any_of" in value) return "lost_or_archived";
  return "elsewhere" in value ? wordOf(value.elsewhere) : undefined;
}

/** Decimal text as the source has it, with its thousands apart. */
function amountText(text: string): string {
  const [whole = "", ...fraction] = text.split(".");
  const digits = Number(whole);
  return Number.isSafeInteger(digits) ? [integer(digits), ...fraction].join(".") : text;
}
