/** A value as a record holds it: amounts as money, texts as they are, anything else as JSON. */
import { useTranslation } from "react-i18next";
import { Money } from "@/components/ui/money";
import { type Money as Amount, NO_VALUE } from "@/lib/format";

export function FieldValue({ value }: { value: unknown }) {
  const { t } = useTranslation();
  if (value == null || value === "") return <span className="text-ink-2">{NO_VALUE}</span>;
  const amount = amountOf(value);
  if (amount) return <Money amount={amount} />;
  if (typeof value === "boolean") return t(value ? "lineage.yes" : "lineage.no");
  if (typeof value === "string" || typeof value === "number") return String(value);
  return <span className="font-mono text-xs">{JSON.stringify(value)}</span>;
}

/** Stored amounts: `{ code, exponent, minor }`. */
function amountOf(value: unknown): Amount | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, exponent, minor } = value as Record<string, unknown>;
  if (typeof code !== "string" || typeof exponent !== "number" || typeof minor !== "number") return undefined;
  return { currency: code, minor, exponent };
}
