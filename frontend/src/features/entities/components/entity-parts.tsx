/** The small parts of a record's line: its status in words, and where it comes from. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { EntityItem } from "@/features/entities/api/get-entities";
import type { EntityType } from "@/lib/entity-types";

/** The record's name, which leads to why it says what it says. */
export function RecordLink({ type, item }: { type: EntityType; item: EntityItem }) {
  const { t } = useTranslation();
  return (
    <Link
      to="/data-lake/lineage/$type/$id"
      params={{ type, id: item.id }}
      className="text-accent-text underline-offset-2 hover:underline"
    >
      {item.name || t("entities.noName")}
    </Link>
  );
}

/** The server's status words are snake_case. */
export function StatusWord({ status }: { status: string }) {
  return <span className="capitalize">{status.replaceAll("_", " ")}</span>;
}

export function SourceRef({ source }: { source: EntityItem["source"] }) {
  return (
    <span className="break-all font-mono text-2xs text-ink-2">
      {source.instance} / {source.object} / {source.key}
    </span>
  );
}
